"""The config.json and preprocessor_config.json that transformers writes beside a model's weights."""

from pathlib import Path
from typing import Any

from keras_cnns.blocks.conv import Numerics
from keras_cnns.blocks.preprocessing import of_unit_range
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.support.untrusted import read_json
from keras_cnns.weights import renaming

# setting that the tensors do not show -> its value in our networks; other values are refused
SILENT: dict[str, dict[str, Any]] = {
    "resnet": {"hidden_act": "relu", "downsample_in_first_stage": False},
    "mobilenet_v1": {"hidden_act": "relu6"},
    "mobilenet_v2": {"hidden_act": "relu6", "output_stride": 32, "first_layer_is_expansion": True},
    "efficientnet": {"hidden_act": "swish", "pooling_type": "mean"},
}
EPSILONS = {"mobilenet_v1": "layer_norm_eps", "mobilenet_v2": "layer_norm_eps", "efficientnet": "batch_norm_eps"}


def read(name: str, content: dict[str, Any], config: Path) -> tuple[dict[str, Any], tuple[str, ...]]:
    """(columns of the row that differ for these weights, the names of the classes or ()).

    Args:
      name: our name of the network.
      content: of config.json. config: its path.

    Raises:
      UserError: the configuration is of another network than `name`, or of one that computes something else.
    """
    kind = content["model_type"]
    if kind == "bit":
        raise UnreadableFile(
            f"{config} is of transformers' BiT, which standardizes kernels with another epsilon (1e-6) than the "
            "authors: load their .npz file, or timm's weights."
        )
    if renaming.peer(name, "transformers") != kind:
        raise UnreadableFile(f"{config} says that these are weights of transformers' {kind!r}, not of {name}.")
    for key, usual in SILENT[kind].items():
        if content.get(key, usual) != usual:
            raise UnreadableFile(
                f"{config} has {key} {content[key]!r}, and {name} has {usual!r}: no network here computes this."
            )
    if kind == "resnet":
        _check_strides(name, content, config)
    columns = dict(renaming.columns(name, "transformers"))
    epsilon = content.get(EPSILONS.get(kind, ""))
    if epsilon is not None and epsilon != 1e-3 or content.get("tf_padding") is False:
        padding = "same" if content.get("tf_padding", True) else "symmetric"
        columns["numerics"] = Numerics(padding=padding, epsilon=float(epsilon or 1e-3))
    if pixels := _pixels(config.with_name("preprocessor_config.json")):
        columns["preprocessing"] = pixels
    return columns, _labels(content.get("id2label"))


def _check_strides(name: str, content: dict[str, Any], config: Path) -> None:
    """Raises UserError if the stride of a bottleneck is in another of its convolutions."""
    first = bool(content.get("downsample_in_bottleneck"))
    if content.get("layer_type", "bottleneck") == "bottleneck" and first != (not name.endswith("_v1_5")):
        other = name.removesuffix("_v1_5") if first else f"{name}_v1_5"
        raise UnreadableFile(
            f"{config} has downsample_in_bottleneck {str(first).lower()}: these are weights of {other}, not of {name}."
        )


def _pixels(path: Path) -> Any:
    """The preprocessing in preprocessor_config.json; None where there is none, or it is not a mean and a deviation.

    EfficientNet's `include_top` divides by the deviation a second time.
    """
    try:
        content = read_json(path)
    except (OSError, ValueError):
        return None
    if not isinstance(content, dict) or not content.get("do_normalize", True) or content.get("rescale_offset"):
        return None
    mean, deviation = content.get("image_mean"), content.get("image_std")
    if abs(content.get("rescale_factor", 1 / 255) - 1 / 255) > 1e-6 or not mean or not deviation:
        return None
    twice = content.get("include_top") and "EfficientNet" in str(content.get("image_processor_type"))
    return of_unit_range(mean, [value**2 if twice else value for value in deviation])


def _labels(names: Any) -> tuple[str, ...]:
    """The names of the classes in the order of their numbers; () where they were not given."""
    if not isinstance(names, dict) or set(names) != {str(number) for number in range(len(names))}:
        return ()
    ordered = tuple(str(names[str(number)]) for number in range(len(names)))
    return () if all(label == f"LABEL_{number}" for number, label in enumerate(ordered)) else ordered
