"""`keras_cnns.tflite.benchmark`: rows and a table; no test here depends on how fast anything is."""

import keras
import numpy as np
import pytest
from rich.console import Console

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import benchmark, export
from keras_cnns.tflite.verify.timing import table


@pytest.mark.slow
def test_files_take_turns_in_every_setting(network, digits, tmp_path):
    (pictures, _), (images, _) = digits
    files = [tmp_path / "float32.tflite", tmp_path / "int8.tflite"]
    export(network, files[0], images=images)
    export(network, files[1], scheme="int8", calibration=pictures, images=images, output_type="int8")
    rows = benchmark(files, threads=(1, 2), runs=7, xnnpack=(True, False))
    assert [(row.threads, row.xnnpack) for row in rows[::2]] == [(1, True), (2, True), (1, False), (2, False)]
    assert all(row.runs == 7 and 0 < row.low_ms <= row.median_ms <= row.high_ms for row in rows)
    assert all(row.ratio == 1 for row in rows[::2]) and all(row.ratio > 0 for row in rows)
    assert rows[1].undelegated == {"SOFTMAX": 1} and rows[1].partitions == 1
    assert rows[5].undelegated == {} and rows[5].partitions == 0
    console = Console(width=120, record=True)
    console.print(table(rows))
    assert "1 SOFTMAX" in console.export_text()


def test_a_dynamic_batch_is_timed_with_one_picture(tmp_path):
    image = keras.Input((8, 8, 3))
    model = keras.Model(image, keras.layers.Conv2D(4, 3)(image))
    export(model, tmp_path / "net.tflite", batch=None)
    assert benchmark(tmp_path / "net.tflite", threads=[1], runs=3)[0].runs == 3


def test_what_cannot_be_timed(tmp_path):
    (tmp_path / "net.tflite").write_bytes(np.random.default_rng(0).bytes(1000))
    for paths, options, message in (
        ([], {}, "no file to benchmark"),
        ([tmp_path / "none.tflite"], {}, "there is no file"),
        ([tmp_path / "net.tflite"], {}, "LiteRT"),
        ([tmp_path / "net.tflite"], {"threads": (0,)}, "at least 1"),
    ):
        with pytest.raises(UserError, match=message):
            benchmark(paths, **options)
