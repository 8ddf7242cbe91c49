"""Which networks of ours a preset of KerasHub is, and with which columns they compute the same."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from keras_cnns.blocks.conv import KERAS, TORCH, Numerics
from keras_cnns.registry.registry import Entry
from keras_cnns.support.errors import UnreadableFile
from keras_cnns.weights import renaming
from keras_cnns.weights.beside import Beside
from keras_cnns.weights.classifier import adopt
from keras_cnns.weights.formats.keras_hub import Preset
from keras_cnns.weights.formats.readers import Tensors
from keras_cnns.weights.weights import KERAS_HUB, Weights


def weights_of(network: Entry, preset: Preset, net: Any = None) -> Weights:
    """The weights of a preset for `network`.

    Raises:
      UserError: KerasHub's network is not known to compute what ours does, or the preset describes another network.
    """
    net = net or network.variant
    if renaming.peer(network.name, KERAS_HUB) != preset.backbone:
        raise UnreadableFile(
            f"{preset.folder} is a preset of KerasHub's {preset.backbone}, which is not {network.name}."
        )
    numerics, differences = DESCRIBED[preset.backbone](preset.config, net)
    if differences:
        raise UnreadableFile(
            f"{preset.folder} is a preset of another network than {network.name}: its {differences[0]} differ."
        )
    arrays = renaming.rename(network.name, preset.arrays, KERAS_HUB, net)
    arrays, has_classifier, _ = adopt(network, net, arrays)
    columns: dict[str, Any] = {"numerics": numerics}
    if preset.pixels is not None:
        columns["preprocessing"] = preset.pixels
    beside = Beside(columns, KERAS_HUB)
    tensors = Tensors("keras", arrays)
    return Weights(network.name, str(preset.folder), KERAS_HUB, tensors, beside=beside, has_classifier=has_classifier)


def _different(config: dict[str, Any], expected: dict[str, Any]) -> list[str]:
    """The keys of a configuration whose values are others than expected. Lists and tuples are alike."""
    return [key for key, value in expected.items() if _plain(config.get(key)) != _plain(value)]


def _plain(value: Any) -> Any:
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value


def _resnet(config: dict[str, Any], net: Any) -> tuple[Numerics, list[str]]:
    pre_activation = "stride_at" in vars(net)
    blocks = ("bottleneck_block",) if pre_activation else ("basic_block", "bottleneck_block")
    expected = {
        "input_conv_kernel_sizes": (7,),
        "stackwise_num_blocks": net.depths,
        "stackwise_num_filters": net.widths,
        "stackwise_num_strides": (1, 2, 2, 2),
        "use_pre_activation": pre_activation,
        "block_type": config.get("block_type") if config.get("block_type") in blocks else blocks[-1],
    }
    numerics = Numerics(padding="symmetric", free_bias=False, epsilon=1e-5, momentum=0.9) if pre_activation else TORCH
    return numerics, _different(config, expected)


def _densenet(config: dict[str, Any], net: Any) -> tuple[Numerics, list[str]]:
    expected = {
        "stackwise_num_repeats": net.depths,
        "compression_ratio": net.compression,
        "growth_rate": net.growth_rate,
    }
    return Numerics(padding="same", epsilon=1.001e-5), _different(config, expected)


def _xception(config: dict[str, Any], net: Any) -> tuple[Numerics, list[str]]:
    blocks = [(32, 64), *net.entry, *net.middle, *net.exit]
    pooling = [False, *(True for _ in net.entry), *(False for _ in net.middle), True, False]
    expected = {"stackwise_conv_filters": blocks, "stackwise_pooling": pooling}
    return KERAS, _different(config, expected)


def _vgg(config: dict[str, Any], net: Any) -> tuple[Numerics, list[str]]:
    expected = {"stackwise_num_repeats": net.depths, "stackwise_num_filters": net.widths}
    return KERAS, _different(config, expected)


def _efficientnet(config: dict[str, Any], net: Any) -> tuple[Numerics, list[str]]:
    count = len(net.table)
    expected = {
        "stackwise_kernel_sizes": [kernel for _, kernel, *_ in net.table],
        "stackwise_num_repeats": [n for *_, n in net.table],
        "stackwise_expansion_ratios": [t for t, *_ in net.table],
        "stackwise_strides": [s for _, _, s, *_ in net.table],
        "stackwise_squeeze_and_excite_ratios": [net.se_ratio] * count,
        "stackwise_block_types": ["v1"] * count,
        "include_stem_padding": True,
        "stem_conv_padding": "valid",
        "activation": net.activation,
        "projection_activation": None,
    }
    epsilon = config.get("batch_norm_epsilon", 1e-3)
    if not isinstance(epsilon, float):
        return TORCH, ["batch_norm_epsilon"]
    return replace(TORCH, epsilon=epsilon), _different(config, expected)


def _mobilenet(config: dict[str, Any], net: Any) -> tuple[Numerics, list[str]]:
    first, *rest = net.table
    flat = {key: [v for row in config.get(key) or [] for v in row] for key in NESTED}
    differences = _different(flat, dict(zip(NESTED, ([r[i] for r in rest] for i in (0, 5, 4)), strict=True)))
    expected = {
        "depthwise_stride": first[5],
        "depthwise_residual": first[5] == 1,
        "input_activation": net.activation,
        "output_activation": net.activation,
    }
    return TORCH, differences + _different(config, expected)


NESTED = ("stackwise_kernel_size", "stackwise_num_strides", "stackwise_activation")  # lists of lists, one for a stage
DESCRIBED: dict[str, Callable[[dict[str, Any], Any], tuple[Numerics, list[str]]]] = {
    "ResNetBackbone": _resnet,
    "DenseNetBackbone": _densenet,
    "XceptionBackbone": _xception,
    "VGGBackbone": _vgg,
    "EfficientNetBackbone": _efficientnet,
    "MobileNetBackbone": _mobilenet,
}
