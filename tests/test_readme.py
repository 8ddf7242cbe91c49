"""The README says what is so."""

import re
from pathlib import Path

import keras

from keras_cnns import build, list_models
from keras_cnns.data.sources.digits import arrays
from keras_cnns.maintenance.networks_table import renewed, rows

README = Path(__file__).parents[1] / "README.md"


def test_its_tables_are_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert renewed(text) == text, "python -m keras_cnns.maintenance.networks_table README.md writes it anew"
    assert all(f"| `{name}` |" in text for name in list_models())
    assert "| `keras_cnns.training` | `Augment` `Recipe`" in text


def test_a_row_says_what_the_network_costs():
    row = next(row for row in rows() if row[0] == "`resnet50`")
    assert row[1:5] == ("He et al. 2015", "224x224x3", "25,636,712", "3.86 G")


def test_its_links_lead_somewhere():
    for target in re.findall(r"\]\((?!http)([^)#]+)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target


def test_its_python_runs_word_for_word(tmp_path, monkeypatch):
    """What a block takes for granted is here: a network that knows the digits, its file, pictures and labels."""
    construct, *ship = re.findall(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.S)
    monkeypatch.chdir(tmp_path)
    named = {}
    exec(construct, named)
    assert named["model"].output_shape == (None, 5)
    assert list(named["levels"].output) == ["C1", "C2", "C3", "C4", "C5"]

    keras.utils.set_random_seed(0)
    (pictures, labels), (held_out, held_out_labels) = arrays().values()
    pictures, held_out = (keras.ops.image.resize(x, (32, 32)).numpy() / 255 for x in (pictures, held_out))
    model = build("lenet5", input_shape=(32, 32, 1))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(pictures, labels, 32, epochs=6, verbose=0)
    checkpoint = Path("runs/lenet5_digits/model.keras")
    checkpoint.parent.mkdir(parents=True)
    model.save(checkpoint)
    named |= {"model": model, "training_pictures": pictures, "training_labels": labels}
    named |= {"held_out_pictures": held_out, "held_out_labels": held_out_labels}
    for block in ship:
        exec(block, named)
    assert named["report"].status == "pass" and named["report"].accuracy > 0.9
    assert Path("lenet5.tflite").exists() and Path("model.tflite").exists()
