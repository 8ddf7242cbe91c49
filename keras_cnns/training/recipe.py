"""A recipe: everything that decides what comes out of a training run, as one frozen value."""

import dataclasses
import json
from ast import literal_eval
from dataclasses import asdict, dataclass, field, fields
from typing import Literal, get_args

from keras_cnns.data.augment.settings import Augment
from keras_cnns.support.atomic_files import read_json
from keras_cnns.support.errors import UserError, nearest
from keras_cnns.support.validation import check_fields, plain, short

Optimizers = Literal["sgd", "nesterov", "rmsprop", "adam", "adamw"]
Schedules = Literal["constant", "step", "exponential", "cosine", "plateau", "bit"]
Losses = Literal["cross_entropy", "focal", "mse", "distance"]
ClassWeights = Literal["none", "balanced"]
Precisions = Literal["float32", "mixed_bfloat16", "mixed_float16", "float64"]
Parts = Literal["both", "proposals", "heads"]
Strategies = Literal["auto", "one", "mirrored", "multi_worker", "tpu"]

# Where and how a recipe runs, not what it computes: a run may be resumed with other values of these.
PLACEMENT = ("data_dir", "download", "strategy", "replicas", "steps_per_call", "checkpoint_every", "out")


@dataclass(frozen=True)
class Recipe:
    """One training run. Every field is a flag of the recipe's script; `json` and `from_json` keep it in the run folder.

    Raises:
      UserError: a value that no run could use, naming the field.
    """

    # the network
    model: str  # a name of keras_cnns.list_models()
    overrides: dict = field(default_factory=dict)  # columns of the model's row, by name: width 0.35
    input_shape: tuple[int, int, int] = (32, 32, 3)  # height, width, channels
    sizes: tuple[int, ...] = ()  # sides that pictures are resized to in training, step by step in turn (SPPnet)
    weights: str | None = None  # where training starts: a file of weights, or "keras", "torchvision", "timm"
    freeze: str = ""  # "features", or "until:conv4": the layers up to the last one whose name starts so
    part: Parts = "both"  # of a detector in two stages, what is trained; "features" are then all that both parts share
    proposals_of: str | None = None  # with part heads: the .keras file of the detector that proposes; none: the network
    # the data
    dataset: str = "digits"  # digits, a tensorflow-datasets name, or folder:PATH
    data_dir: str | None = None  # where tensorflow-datasets keeps its data
    download: bool = False  # fetch the data set where it is not there yet
    skip_broken: int = 0  # pictures that cannot be read: so many are left out and counted, one more ends the run
    augment: Augment = field(default_factory=Augment)
    # the loss

    # cross_entropy, focal, mse (against one-hot labels) or distance (LeNet-5, equation 9)
    loss: Losses = "cross_entropy"
    label_smoothing: float = 0.0  # fraction of each label that is spread over all classes
    class_weights: ClassWeights = "none"  # balanced: the fewer pictures a class has, the more each counts in the loss
    auxiliary_weight: float = 0.3  # of each output after the first, where the model has several
    # the optimizer
    optimizer: Optimizers = "sgd"  # the optimizer; nesterov is sgd with Nesterov momentum
    momentum: float = 0.9  # of sgd, nesterov and rmsprop
    epsilon: float = 0.0  # rmsprop and adam; 0: 0.001 and 1e-7
    learning_rate: float = 0.1  # at its highest, before the schedule lowers it
    rate_batch: int = 0  # the batch size learning_rate is meant for: it grows in proportion to batch_size; 0: it stays
    # factors on the learning rate, by the start of a layer's name: stem 0.1 stage1 0.1
    layer_rates: dict[str, float] = field(default_factory=dict)
    schedule: Schedules = "cosine"  # how the learning rate falls
    warmup_epochs: float = 0.0  # epochs in which the learning rate rises from 0
    decay_epochs: tuple[float, ...] = ()  # step: at these; exponential: every so many; plateau: patience
    decay_rate: float = 0.1  # factor on the learning rate at each step of the schedule
    weight_decay: float = 0.0  # L2 in the gradient; decoupled with adamw
    decay_norms_and_biases: bool = False  # weight decay of normalization parameters and biases, too
    clip_norm: float = 0.0  # of the whole gradient, after the replicas' sum; 0: none
    ema: float = 0.0  # decay of the weights' moving average, which is what is evaluated and saved; 0: none
    # the run
    epochs: int = 10  # passes over the training pictures
    max_steps: int = 0  # the run ends here at the latest; 0: after its epochs
    batch_size: int = 64  # global: all replicas together
    accumulate: int = 1  # parts a batch is computed in, one after the other, where memory is short
    precision: Precisions = "float32"  # of the computation; variables stay in float32
    # of the running statistics, if a run is too short for the network's own (0)
    batch_norm_momentum: float = 0.0
    sync_batch_norm: bool = True  # statistics over all replicas
    hold_statistics: bool = False  # batch norm keeps those it starts with: for trained weights and little data
    seed: int = 0  # of weights, augmentation and order
    # the place

    # which devices train: all of this machine (auto), one, several machines (multi_worker), a TPU
    strategy: Strategies = "auto"
    replicas: int = 0  # so many logical CPU devices, to try a mirrored run on one machine; 0: what is there
    steps_per_call: int = 1  # training steps in one call of the compiled function
    checkpoint_every: int = 0  # steps; the end of an epoch always is one
    out: str = "runs/run"  # folder of the run; the same command again resumes it

    def __post_init__(self):
        object.__setattr__(self, "augment", Augment.of(self.augment))
        check_fields(self)
        for name, kind in (
            ("optimizer", Optimizers),
            ("schedule", Schedules),
            ("loss", Losses),
            ("class_weights", ClassWeights),
            ("precision", Precisions),
            ("part", Parts),
            ("strategy", Strategies),
        ):
            value, known = getattr(self, name), get_args(kind)
            if not any(value is k or isinstance(value, str) and value == k for k in known):
                raise UserError(f"{name} {short(value)} is unknown: one of {', '.join(known)}.{nearest(value, known)}")
        for name in ("epochs", "batch_size", "accumulate", "steps_per_call"):
            if getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: at least 1.")
        for name in ("momentum", "label_smoothing", "ema", "batch_norm_momentum"):
            if not 0 <= getattr(self, name) < 1:
                raise UserError(f"{name} is {getattr(self, name)}: at least 0 and less than 1.")
        for name in (
            "learning_rate",
            "epsilon",
            "weight_decay",
            "clip_norm",
            "warmup_epochs",
            "rate_batch",
            "max_steps",
            "checkpoint_every",
        ):
            if not getattr(self, name) >= 0:
                raise UserError(f"{name} is {getattr(self, name)}: not below 0.")
        if self.batch_size % self.accumulate:
            raise UserError(
                f"batch_size {self.batch_size} cannot be cut in {self.accumulate} equal parts (accumulate)."
            )
        if self.schedule in ("step", "exponential", "plateau") and not self.decay_epochs:
            raise UserError(f"schedule {self.schedule!r} needs decay_epochs.")
        if self.proposals_of and self.part != "heads":
            raise UserError("proposals_of says whose proposals the heads are trained on: it goes with part heads.")
        if min(self.input_shape) < 1:
            raise UserError(f"input_shape {self.input_shape} is not (height, width, channels).")
        if not all(isinstance(name, str) for name in self.overrides):
            raise UserError(f"overrides are {short(self.overrides)}: columns of the model's row by their names.")
        object.__setattr__(self, "overrides", {name: _literal(value) for name, value in self.overrides.items()})
        for name in ("input_shape", "sizes", "decay_epochs"):  # JSON has lists only
            object.__setattr__(self, name, tuple(map(plain, getattr(self, name))))
        if min(self.sizes, default=1) < 1:
            raise UserError(f"sizes are {self.sizes}: sides in pixels, at least 1.")
        try:
            self.json()
        except (TypeError, ValueError):
            raise UserError(f"overrides are {short(self.overrides)}: they must be values that JSON has.") from None

    def but(self, **changes):
        """This recipe with other values of some fields."""
        return dataclasses.replace(self, **changes)

    @property
    def peak_rate(self):
        """The learning rate before any decay, scaled to the batch."""
        return self.learning_rate * (self.batch_size / self.rate_batch if self.rate_batch else 1.0)

    def json(self):
        """The recipe as JSON text."""
        return json.dumps(asdict(self), indent=1)

    def json_values(self):
        """The recipe as JSON's values: lists where it has tuples."""
        return json.loads(self.json())

    @classmethod
    def from_json(cls, text):
        """The recipe that `json` wrote.

        Raises:
          UserError: not JSON, or fields that a recipe does not have or lacks.
        """
        try:
            values = read_json(text)
            unknown = sorted(set(values) - {f.name for f in fields(cls)})
            if not unknown:
                return cls(**values)
        except UserError:
            raise
        except (ValueError, TypeError) as error:
            raise UserError(f"this is not a recipe: {error}.") from error
        raise UserError(f"this is not a recipe: it has the unknown fields {', '.join(unknown)}.")

    def differs(self, other):
        """What makes `other` another training run: dotted field name -> (value here, value there)."""
        mine, theirs = _flat(self.json_values()), _flat(other.json_values())
        names = sorted((set(mine) | set(theirs)) - set(PLACEMENT))
        return {name: (mine.get(name), theirs.get(name)) for name in names if mine.get(name) != theirs.get(name)}


def _flat(values, prefix=""):
    """Nested fields by their dotted names."""
    flat = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _literal(value):
    """A value from the command line as the Python value it spells, if it does; tuples as JSON keeps them, lists."""
    try:
        value = literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value
    return list(value) if isinstance(value, tuple) else value
