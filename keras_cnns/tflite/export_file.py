"""`export()`: makes one file of one model."""

import os
from collections.abc import Sequence
from typing import Any

import keras

from keras_cnns.saving.card import Card
from keras_cnns.support.deprecation import renamed_arguments
from keras_cnns.support.errors import BadArgument, memory_errors
from keras_cnns.tflite.exporter import Exporter
from keras_cnns.tflite.file.metadata import Normalization
from keras_cnns.tflite.quantize import schemes
from keras_cnns.tflite.quantize.settings import FileSettings, Tuning
from keras_cnns.tflite.settings import Description, Ends, Limits, check_path
from keras_cnns.tflite.targets.target import Target
from keras_cnns.tflite.verify.report import Report

AUTO = "auto"


@renamed_arguments(spare="error_avoided")
@memory_errors()
def export(
    model: keras.Model | str | os.PathLike,
    path: str | os.PathLike,
    *,
    scheme: str = "float32",
    max_drop: float = 0.01,
    max_size: float | None = None,
    max_latency: float | None = None,
    limits: Limits | None = None,
    error_avoided: float | None = None,
    calibration: Any = None,
    images: Any = None,
    labels: Any = None,
    outputs: Any = None,
    input_type: str = "float32",
    output_type: str = "float32",
    batch: int | None = 1,
    preprocessing: Any = None,
    head: str | None = None,
    k: int = 5,
    explain: str | None = None,
    islands: Any = None,
    engine: str = "quantizer",
    tuning: Tuning | None = None,
    normalization: Normalization | None = None,
    names: Any = None,
    card: Card | None = None,
    target: str | Sequence[str | Target] = "litert",
    layers: bool = False,
    force: bool = False,
) -> Report:
    """Writes `model` to the `.tflite` file `path` and returns a `Report` on how well the file stands in for it.

    The file is run by LiteRT in a process of its own and compared with the Keras model before it takes its name.
    Several files of one model are made faster by one `Exporter`.

    >>> report = export(model, "net.tflite", scheme="int8", calibration=pictures, images=images, labels=labels)
    >>> report.status, report.accuracy_drop

    Args:
      model: any functional `keras.Model`, the path of a `.keras` file, or what `quantization_aware` returned.
      path: of the file; what stands there is replaced only by a file that passes.
      scheme: a row of `SCHEMES`, or "auto": the fastest file within the limits, or the smallest (see `Exporter.auto`).
        Where the tool of a chip in `target` is installed, the time or memory on that chip decides.
      max_drop, max_size, max_latency: limits of "auto" (see `Limits`).
      limits: all limits of "auto" and its goal, in place of the three above.
      calibration: pictures as the model takes them, for the schemes that quantize activations, a few dozen of each
        kind: an array (N, H, W, C), or whatever else `fit` and `predict` take, such as a `tf.data.Dataset`; or
        "synthetic", which makes pictures from the statistics of batch normalization.
      images: pictures to compare on; by default the calibration pictures, or noise where there are none.
      labels: of `images`, to measure the accuracy of both: (N,) class numbers, (N, labels) of zeros and ones where
        several are true at once, or (N, H, W) where each pixel has a class.
      outputs: what the outputs are, a key of `KINDS` ("classifier", "regression" ...), or a list or dict of them; it
        decides how the file is judged. By default the end of the graph and the answers decide.
      input_type, output_type, batch, islands, error_avoided, engine, tuning: see `FileSettings`; `max_size` is also the
        size of "weight_only_mixed".
      preprocessing, head, k, explain: see `Ends`.
      names, card, normalization: see `Description`.
      target: what the file is meant for besides LiteRT, such as "openvino" or ["tflite-micro", "ethos-u55-128"]: it is
        run there too where the target's tool is installed, and fails if it fails there.
      layers: measure the error of every layer of a file that passes, too; not with "auto".
      force: write a failing file all the same.

    Raises:
      UserError: an argument cannot be used, or the model cannot be converted.
      Rejected: the file fails the comparison; it is kept beside `path` as `NAME.rejected.tflite`.
    """
    settings = FileSettings(input_type, output_type, batch, islands, error_avoided, max_size, engine, tuning)
    limits = _checked(path, scheme, settings, limits, (max_drop, max_size, max_latency), calibration)
    pictures = {"calibration": calibration, "images": images, "labels": labels, "outputs": outputs}
    description, ends = Description(names, card, normalization), Ends(preprocessing, head, k, explain)
    exporter = Exporter(model, **pictures, ends=ends, description=description, targets=target)
    if scheme == AUTO:
        return exporter.auto(path, limits, settings)
    return exporter.export(path, scheme, settings, layers=layers, force=force)


def _checked(
    path: str | os.PathLike,
    scheme: str,
    settings: FileSettings,
    limits: Limits | None,
    shares: tuple[float, float | None, float | None],
    calibration: Any,
) -> Limits:
    """The limits of "auto"; refuses arguments that do not go together before a large model is read."""
    check_path(path)
    checked = limits or Limits(*shares)
    if not (isinstance(scheme, str) and scheme == AUTO):
        schemes.check(scheme, settings, has_pictures=calibration is not None)
        if checked.max_latency is not None:
            raise BadArgument('max_latency is for scheme="auto", which measures the time of several files.')
        if limits is not None:
            raise BadArgument('limits are for scheme="auto", which compares several files.')
    return checked
