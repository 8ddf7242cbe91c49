"""All targets by name. A new one is one file beside this one and one row here."""

from collections.abc import Iterable

from keras_cnns.support.errors import BadArgument, nearest
from keras_cnns.tflite.targets.browser import BrowserTarget
from keras_cnns.tflite.targets.ethos_u import EthosU
from keras_cnns.tflite.targets.litert import LiteRT
from keras_cnns.tflite.targets.litert_reference import LiteRTReference
from keras_cnns.tflite.targets.mediapipe import MediaPipe
from keras_cnns.tflite.targets.openvino import OpenVINO
from keras_cnns.tflite.targets.target import Target
from keras_cnns.tflite.targets.tflite_micro import TFLiteMicro
from keras_cnns.tflite.targets.tosa import Tosa

ALL_TARGETS: tuple[Target, ...] = (
    LiteRT(),
    LiteRTReference(),
    OpenVINO(),
    MediaPipe(),
    BrowserTarget(),
    TFLiteMicro(),
    EthosU("ethos-u55-128"),
    EthosU("ethos-u55-256"),
    EthosU("ethos-u65-256"),
    EthosU("ethos-u85-512"),
    Tosa(),
)
TARGETS: dict[str, Target] = {target.name: target for target in ALL_TARGETS}
ALL = "all"


def find(name: str) -> Target:
    """The target of this name.

    Raises:
      BadArgument: there is none.
    """
    if name not in TARGETS:
        raise BadArgument(f"there is no target {name!r}: choose from {', '.join(TARGETS)}.{nearest(name, TARGETS)}")
    return TARGETS[name]


def select(names: str | Iterable[str]) -> tuple[Target, ...]:
    """The targets of these names, each once; a string may list several with commas, and "all" is every one.

    Raises:
      BadArgument: there is no such target, or none is named.
    """
    listed = names.split(",") if isinstance(names, str) else list(names)
    listed = [name.strip() for name in listed if name.strip()]
    if not listed:
        raise BadArgument(f"no target is named: choose from {', '.join(TARGETS)}.")
    chosen = list(TARGETS) if ALL in listed else list(dict.fromkeys(listed))
    return tuple(find(name) for name in chosen)
