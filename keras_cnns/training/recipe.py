"""A recipe: all settings that decide the result of a training run, as one frozen value.

It is a plain dataclass with ranges in the annotations, not a model of pydantic or attrs: `fits` and `Range` in
support/validation.py are as short as validators would be, tyro turns the dataclass into flags, and importing pydantic 2
takes two to three times as long as importing dataclasses.
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

# Fields that say where and how a recipe runs, but not what it computes: a run may be resumed with other values.
PLACEMENT = (
    "data_dir",
    "download",
    "strategy",
    "replicas",
    "steps_per_call",
    "checkpoint_every",
    "cache_features",
    "out",
)


@dataclass(frozen=True)
class Recipe:
    """One training run. Every field is a flag of the recipe's script; `json` and `from_json` keep it in the run folder.

    Raises:
      UserError: no run could use a value; the message names the field.

    >>> Recipe("lenet5", input_shape=(32, 32, 1), dataset="digits", epochs=3, out="runs/digits").but(seed=1)
    """

    # the network
    model: str  # a name of keras_cnns.list_models()
    overrides: dict = field(default_factory=dict)  # columns of the model's row, by name: width 0.35
    input_shape: tuple[int, int, int] = (32, 32, 3)  # height, width, channels
    sizes: tuple[int, ...] = ()  # sides that pictures are resized to in training, step by step in turn (SPPnet)
    weights: str | None = None  # initial weights: a file, or published ones: "keras", "torchvision", "timm" or "yolox"
    freeze: str = ""  # layers that are not trained: features, or until:NAME, up to the last layer that starts with NAME
    part: Parts = "both"  # part of a two-stage detector to train; "features" are then the layers that both parts share
    proposals_of: str | None = None  # with part heads: a .keras file of the detector that proposes; None: the network
    # the data
    dataset: str = "digits"  # digits, a tensorflow-datasets name, or folder:PATH
    data_dir: str | None = None  # folder of tensorflow-datasets
    download: bool = False  # download the data set if it is missing
    labels: Labels = "one"  # labels of a picture; several: any number, from a table in the folder, each with a sigmoid
    # number of broken samples that are skipped and counted; one more ends the run
    skip_broken: CountOrNone = 0
    augment: Augment = field(default_factory=Augment)
    # the loss

    # cross_entropy, focal, mse (against one-hot labels) or distance (LeNet-5, equation 9)
    loss: Losses = "cross_entropy"
    label_smoothing: Fraction = 0.0  # fraction of each label that is spread over all classes
    class_weights: ClassWeights = "none"  # balanced: the fewer pictures a class has, the more each counts in the loss
    auxiliary_weight: NotNegative = 0.3  # weight of the loss of each auxiliary classifier, if the model has any
    # the optimizer
    optimizer: Optimizers = "sgd"  # the optimizer; nesterov is sgd with Nesterov momentum
    momentum: Fraction = 0.9  # momentum of sgd, nesterov and rmsprop
    epsilon: NotNegative = 0.0  # epsilon of rmsprop and adam; 0: 0.001 and 1e-7
    learning_rate: NotNegative = 0.1  # highest learning rate, before the schedule lowers it
    # batch size for which learning_rate is meant: with others it changes in proportion; 0: it does not change
    rate_batch: CountOrNone = 0
    # factors on the learning rate of layers, by the start of their names: stem 0.1 stage1 0.1
    layer_rates: dict[str, float] = field(default_factory=dict)
    schedule: Schedules = "cosine"  # how the learning rate falls
    warmup_epochs: NotNegative = 0.0  # epochs in which the learning rate rises from 0
    decay_epochs: tuple[float, ...] = ()  # step: the epochs of the decays; exponential: the period; plateau: patience
    decay_rate: Annotated[float, Range(above=0)] = 0.1  # factor on the learning rate at each step of the schedule
    weight_decay: NotNegative = 0.0  # L2 penalty in the gradient; decoupled with adamw
    decay_norms_and_biases: bool = False  # apply weight decay to normalization parameters and biases, too
    clip_norm: NotNegative = 0.0  # largest norm of the full gradient, summed over the replicas; 0: no limit
    ema: Fraction = 0.0  # decay of a moving average of the weights, which is evaluated and saved; 0: no average
    # the run
    epochs: Count = 10  # passes over the training pictures
    max_steps: CountOrNone = 0  # largest number of steps; 0: no limit, the run ends after its epochs
    # epochs without a better held-out score after which the run ends early; 0: it never ends early
    patience: CountOrNone = 0
    batch_size: Count = 64  # pictures in a step, all replicas together
    accumulate: Count = 1  # number of parts in which a batch is computed one after the other, to save memory
    precision: Precisions = "float32"  # precision of the computation; variables stay in float32
    # momentum of batch normalization, for runs that are too short for the network's own (0)
    batch_norm_momentum: Fraction = 0.0
    sync_batch_norm: bool = True  # batch normalization uses statistics over all replicas
    hold_statistics: bool = False  # batch normalization keeps its initial statistics: for trained weights and few data
    # fraction of each large kernel that is zero at the end; training zeroes the smallest weights; 0: no pruning
    prune: Fraction = 0.0
    seed: int = 0  # seed of the weights, the augmentation and the order
    # the place

    # devices that train: all of this machine (auto), one, several machines (multi_worker), a TPU
    strategy: Strategies = "auto"
    replicas: CountOrNone = 0  # number of logical CPU devices, to try a mirrored run on one machine; 0: real devices
    steps_per_call: Count = 1  # training steps in one call of the compiled function
    checkpoint_every: CountOrNone = 0  # steps between checkpoints; there is always one at the end of an epoch
    # folder that keeps the outputs of frozen layers, so that they are computed once; None: in each step
    cache_features: str | None = None
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
        """Messages about fields whose values are valid on their own, but not together."""
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
            yield "proposals_of names the detector whose proposals the heads are trained on: use it with part heads."
        if self.cache_features is not None:
            yield from self._not_cacheable()
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

    def _not_cacheable(self) -> Iterator[str]:
        """Messages about fields with which the outputs of frozen layers change from step to step."""
        if not self.cache_features or not self.freeze:
            yield "cache_features is the folder for the outputs of frozen layers: give its name, and freeze features."
        if random := self.augment.random_settings():
            names = ", ".join(f"augment.{name} {value!r}" for name, value in random.items())
            yield f"cache_features keeps one view of each picture: set {names}, or leave cache_features out."
        for name in ("sizes", "prune"):
            if getattr(self, name):
                yield f"cache_features cannot be used with {name}, which changes the outputs of frozen layers."

    def but(self, **changes: Any) -> "Recipe":
        """This recipe with other values of some fields. Raises UserError like the constructor."""
        return dataclasses.replace(self, **changes)

    @property
    def peak_rate(self) -> float:
        """The learning rate before any decay, scaled to the batch."""
        return self.learning_rate * (self.batch_size / self.rate_batch if self.rate_batch else 1.0)

    def json(self) -> str:
        """The recipe as JSON text."""
        return json.dumps(asdict(self), indent=1)

    def json_values(self) -> dict[str, Any]:
        """The recipe as plain values for JSON: tuples become lists."""
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
        """The fields that differ and change the result of a run: {dotted name: (value here, value in `other`)}."""
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
    """The Python value that a string from the command line spells, or the string. Tuples become lists, as in JSON."""
    try:
        value = literal_eval(value) if isinstance(value, str) else value
    except (ValueError, SyntaxError):
        return value
    return list(value) if isinstance(value, tuple) else value
