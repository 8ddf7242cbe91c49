"""A recipe: everything that decides the result of a training run, as one frozen value.

A plain dataclass with its ranges in the annotations, and not a model of pydantic or attrs: `fits` and `Range` in
support/validation.py are as short as validators would be, tyro makes flags of the dataclass as it is, and importing
pydantic 2 takes two to three times as long as importing dataclasses.
"""

import dataclasses
import json
from ast import literal_eval
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field, fields
from typing import Annotated, Any, Literal

from keras_cnns.data.augment.settings import Augment as Augment  # of the public names of `training`
from keras_cnns.support.errors import BadArgument, UserError
from keras_cnns.support.untrusted import parse_json
from keras_cnns.support.validation import Range, check_fields, kind, plain, short

Optimizers = Literal["sgd", "nesterov", "rmsprop", "adam", "adamw"]
Schedules = Literal["constant", "step", "exponential", "cosine", "plateau", "bit"]
Losses = Literal["cross_entropy", "focal", "mse", "distance"]
ClassWeights = Literal["none", "balanced"]
Precisions = Literal["float32", "mixed_bfloat16", "mixed_float16", "float64"]
Labels = Literal["one", "several"]
Parts = Literal["both", "proposals", "heads"]
Strategies = Literal["auto", "one", "mirrored", "multi_worker", "tpu"]

Count = Annotated[int, Range(1)]
CountOrNone = Annotated[int, Range(0)]  # 0 switches it off
Fraction = Annotated[float, Range(0, below=1)]
NotNegative = Annotated[float, Range(0)]

# Where and how a recipe runs, not what it computes: a run may be resumed with other values of these.
PLACEMENT = ("data_dir", "download", "strategy", "replicas", "steps_per_call", "checkpoint_every", "out")


@dataclass(frozen=True)
class Recipe:
    """One training run. Every field is a flag of the recipe's script; `json` and `from_json` keep it in the run folder.

    Raises:
      UserError: a value that no run could use, naming the field.

    >>> Recipe("lenet5", input_shape=(32, 32, 1), dataset="digits", epochs=3, out="runs/digits").but(seed=1)
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
    labels: Labels = "one"  # of a picture; several: any number at once, each with a sigmoid, from a folder's table
    # samples that cannot be read: so many are skipped and counted, one more ends the run
    skip_broken: CountOrNone = 0
    augment: Augment = field(default_factory=Augment)
    # the loss

    # cross_entropy, focal, mse (against one-hot labels) or distance (LeNet-5, equation 9)
    loss: Losses = "cross_entropy"
    label_smoothing: Fraction = 0.0  # fraction of each label that is spread over all classes
    class_weights: ClassWeights = "none"  # balanced: the fewer pictures a class has, the more each counts in the loss
    auxiliary_weight: NotNegative = 0.3  # of each output after the first, where the model has several
    # the optimizer
    optimizer: Optimizers = "sgd"  # the optimizer; nesterov is sgd with Nesterov momentum
    momentum: Fraction = 0.9  # of sgd, nesterov and rmsprop
    epsilon: NotNegative = 0.0  # rmsprop and adam; 0: 0.001 and 1e-7
    learning_rate: NotNegative = 0.1  # at its highest, before the schedule lowers it
    # the batch size learning_rate is meant for: it grows in proportion to batch_size; 0: it stays
    rate_batch: CountOrNone = 0
    # factors on the learning rate, by the start of a layer's name: stem 0.1 stage1 0.1
    layer_rates: dict[str, float] = field(default_factory=dict)
    schedule: Schedules = "cosine"  # how the learning rate falls
    warmup_epochs: NotNegative = 0.0  # epochs in which the learning rate rises from 0
    decay_epochs: tuple[float, ...] = ()  # step: at these; exponential: every so many; plateau: patience
    decay_rate: Annotated[float, Range(above=0)] = 0.1  # factor on the learning rate at each step of the schedule
    weight_decay: NotNegative = 0.0  # L2 in the gradient; decoupled with adamw
    decay_norms_and_biases: bool = False  # weight decay of normalization parameters and biases, too
    clip_norm: NotNegative = 0.0  # of the whole gradient, after the replicas' sum; 0: none
    ema: Fraction = 0.0  # decay of the weights' moving average, which is what is evaluated and saved; 0: none
    # the run
    epochs: Count = 10  # passes over the training pictures
    max_steps: CountOrNone = 0  # the run ends here at the latest; 0: after its epochs
    # epochs without a better held-out score after which the run ends early; 0: it never does
    patience: CountOrNone = 0
    batch_size: Count = 64  # global: all replicas together
    accumulate: Count = 1  # parts a batch is computed in, one after the other, where memory is short
    precision: Precisions = "float32"  # of the computation; variables stay in float32
    # of the running statistics, if a run is too short for the network's own (0)
    batch_norm_momentum: Fraction = 0.0
    sync_batch_norm: bool = True  # statistics over all replicas
    hold_statistics: bool = False  # batch norm keeps those it starts with: for trained weights and little data
    # fraction of zeros in each large kernel at the end; the smallest weights become zero while it trains; 0: none
    prune: Fraction = 0.0
    seed: int = 0  # of weights, augmentation and order
    # the place

    # which devices train: all of this machine (auto), one, several machines (multi_worker), a TPU
    strategy: Strategies = "auto"
    replicas: CountOrNone = 0  # so many logical CPU devices, to try a mirrored run on one machine; 0: what is there
    steps_per_call: Count = 1  # training steps in one call of the compiled function
    checkpoint_every: CountOrNone = 0  # steps; the end of an epoch always is one
    out: str = "runs/run"  # folder of the run; the same command again resumes it

    def __post_init__(self) -> None:
        object.__setattr__(self, "augment", Augment.of(self.augment))
        check_fields(self)
        object.__setattr__(self, "overrides", {name: _literal(value) for name, value in self.overrides.items()})
        for name in ("input_shape", "sizes", "decay_epochs"):  # JSON has lists only
            object.__setattr__(self, name, tuple(map(plain, getattr(self, name))))
        for problem in self._problems():
            raise BadArgument(problem)

    def _problems(self) -> Iterator[str]:
        """What is wrong with fields that are fine one by one."""
        if not all((self.model, self.dataset, self.out)):
            yield f"{next(n for n in ('model', 'dataset', 'out') if not getattr(self, n))} is empty: give its name."
        if self.batch_size % self.accumulate:
            yield f"batch_size {self.batch_size} cannot be cut in {self.accumulate} equal parts (accumulate)."
        if self.schedule in ("step", "exponential", "plateau") and not self.decay_epochs:
            yield f"schedule {self.schedule!r} needs decay_epochs."
        if min(self.decay_epochs, default=1) <= 0:
            yield f"decay_epochs are {short(self.decay_epochs)}: each must be more than 0."
        if min(self.layer_rates.values(), default=0) < 0:
            yield f"layer_rates are {short(self.layer_rates)}: each must be at least 0."
        if self.proposals_of and self.part != "heads":
            yield "proposals_of says whose proposals the heads are trained on: it goes with part heads."
        if min(self.input_shape) < 1:
            yield f"input_shape {self.input_shape} is not (height, width, channels)."
        if min(self.sizes, default=1) < 1:
            yield f"sizes are {self.sizes}: they must be sides in pixels, at least 1."
        if not all(isinstance(name, str) for name in self.overrides):
            yield f"overrides are {short(self.overrides)}: columns of the model's row by their names."
        try:
            self.json()
        except (TypeError, ValueError):
            yield f"overrides are {short(self.overrides)}: they must be values that JSON has."

    def but(self, **changes: Any) -> "Recipe":
        """This recipe with other values of some fields. Raises UserError as the constructor."""
        return dataclasses.replace(self, **changes)

    @property
    def peak_rate(self) -> float:
        """The learning rate before any decay, scaled to the batch."""
        return self.learning_rate * (self.batch_size / self.rate_batch if self.rate_batch else 1.0)

    def json(self) -> str:
        """The recipe as JSON text."""
        return json.dumps(asdict(self), indent=1)

    def json_values(self) -> dict[str, Any]:
        """The recipe as JSON's values: lists where it has tuples."""
        return json.loads(self.json())

    @classmethod
    def from_json(cls, text: str) -> "Recipe":
        """The recipe that `json` wrote.

        Raises:
          UserError: the text is not JSON; it has unknown fields, or lacks one.
        """
        if not isinstance(text, str | bytes):
            raise BadArgument(f"this is not a recipe: a text in JSON is needed, not {kind(text)}.")
        try:
            values = parse_json(text)
            unknown = sorted(set(values) - {f.name for f in fields(cls)})
            if not unknown:
                return cls(**values)
        except UserError:
            raise
        except (ValueError, TypeError) as error:
            raise UserError(f"this is not a recipe: {error}.") from error
        raise UserError(f"this is not a recipe: it has the unknown fields {', '.join(unknown)}.")

    def differs(self, other: "Recipe") -> dict[str, tuple[Any, Any]]:
        """The fields that make `other` another training run: {dotted name: (value here, value there)}."""
        mine, theirs = _flat(self.json_values()), _flat(other.json_values())
        names = sorted((set(mine) | set(theirs)) - set(PLACEMENT))
        return {name: (mine.get(name), theirs.get(name)) for name in names if mine.get(name) != theirs.get(name)}


def _flat(values: dict[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested fields by their dotted names."""
    flat: dict[str, Any] = {}
    for name, value in values.items():
        flat |= _flat(value, f"{prefix}{name}.") if isinstance(value, dict) else {prefix + name: value}
    return flat


def _literal(value: Any) -> Any:
    """A string from the command line as the Python value it spells, if it does; tuples become lists, as in JSON."""
    try:
        value = literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value
    return list(value) if isinstance(value, tuple) else value
