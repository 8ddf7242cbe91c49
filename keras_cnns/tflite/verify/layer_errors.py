"""Where a quantized file goes wrong: its intermediate results beside those of the float file, layer by layer."""

from dataclasses import dataclass

from keras_cnns.tflite.targets import runner

PICTURES = 8
LOST_DB = 12.0  # below this a result is mostly noise


@dataclass(frozen=True)
class LayerError:
    """The result of one operator. layer: its Keras layer, as far as the converter kept the name."""

    operator: str
    layer: str
    snr_db: float


def layer_errors(file, reference, pictures, layers=()):
    """A `LayerError` for each result that both files have, in order of execution.

    file, reference: paths of the quantized and of the float `.tflite` file. pictures: `{input name: (N, ...) floats}`.
    layers: names of the layers of the model they were made from.
    """
    some = {name: array[:PICTURES] for name, array in pictures.items()}
    found, _ = runner.ask("layers", some, file=str(file), reference=str(reference))
    return tuple(LayerError(row["operator"], _layer(row["tensor"], layers), row["snr_db"]) for row in found["layers"])


def first_wrong(errors):
    """The first result that is mostly noise, or else the one after which most is lost; None where there is nothing."""
    lost = [error for error in errors if error.snr_db < LOST_DB]
    if lost:
        return lost[0]
    drops = [(after.snr_db - before.snr_db, after) for before, after in zip(errors, errors[1:], strict=False)]
    return min(drops, key=lambda drop: drop[0])[1] if drops else None


def _layer(tensor, layers):
    """`model/conv_relu_1/Relu;model/bn_1/add` is what became of layer `conv`: the longest name it begins with."""
    parts = tensor.split(";")[0].split("/")
    part = parts[1] if len(parts) > 1 else parts[0]
    return max((name for name in layers if part.startswith(name)), key=len, default=part)
