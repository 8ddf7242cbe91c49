# Written by `python -m keras_cnns.maintenance.stubs`.
from . import blocks as blocks
from . import data as data
from . import insight as insight
from . import layers as layers
from . import models as models
from . import tasks as tasks
from . import testing as testing
from . import tflite as tflite
from . import training as training
from . import weights as weights
from .builder import build as build
from .builder import info as info
from .graph.fully_convolutional import to_fully_convolutional as to_fully_convolutional
from .inference.predict import predict as predict
from .profiling.layer_table import profile as profile
from .registry.registry import list_models as list_models
from .saving.card import Card as Card
from .saving.card import read_card as read_card
from .saving.keras_file import load_model as load_model
from .support.errors import BadArgument as BadArgument
from .support.errors import NotInstalled as NotInstalled
from .support.errors import RejectedExport as RejectedExport
from .support.errors import UnreadableFile as UnreadableFile
from .support.errors import UnsupportedModel as UnsupportedModel
from .support.errors import UserError as UserError
from .version import __version__ as __version__
from .weights import load_weights as load_weights
from .weights.imagenet import decode_predictions as decode_predictions

__all__ = [
    "BadArgument",
    "Card",
    "NotInstalled",
    "RejectedExport",
    "UnreadableFile",
    "UnsupportedModel",
    "UserError",
    "build",
    "decode_predictions",
    "info",
    "list_models",
    "load_model",
    "load_weights",
    "predict",
    "profile",
    "read_card",
    "to_fully_convolutional",
    "blocks",
    "data",
    "insight",
    "layers",
    "models",
    "tasks",
    "testing",
    "tflite",
    "training",
    "weights",
]
