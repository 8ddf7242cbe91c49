"""What a runtime or chip has to say about a `.tflite` file: the `Target` protocol and the values it answers with.

A new runtime is one file in this folder with a class that has these attributes and methods, and one row of
`table.TARGETS`.
"""

from dataclasses import dataclass, field
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from keras_cnns.support.errors import UserError
from keras_cnns.tflite.file.contents import TFLiteFile

Form = Literal["full", "decomposed"]
ScaledInput = Literal["convolution", "product", "sum"]
Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True)
class Rewrites:
    """The forms of a network that a target runs well. The defaults change nothing.

    Attributes:
      hard_swish: "full" keeps the operator HARD_SWISH, "decomposed" writes it as additions and products.
      average_pool: "decomposed" writes average pooling as a depthwise convolution of one constant.
      convolved_relu: a ReLU that stands alone becomes a convolution with a fused one.
      longest_concatenation: more tensors than this are concatenated step by step; None for any number.
      float_softmax: a final softmax is computed in float where the outputs are float.
      input_type, output_type: types of an int8 file's ends, "float32", "int8" or "uint8".
      scaled_input: how an int8 file scales its input: by a depthwise "convolution"; by a "product" and a sum, if all
        channels have the same scale; "sum": as "product", otherwise the first convolution has the scales, and a sum
        stays.
      copied_inputs: whether an int8 file begins with a product that copies the picture.
      nonzero_biases: whether every FULLY_CONNECTED in int8 has a bias that is not zero.
      float16_biases: whether a float16 file stores its biases in float16 too.
      byte_pictures: whether the runtime takes pictures of bytes only; then the file is compared on such pictures.
      sparse_weights: whether kernels that are mostly zero may be stored as sparse tensors.
      raw_boxes: whether the runtime decodes the boxes of a one-stage detector itself.
    """

    hard_swish: Form = "full"
    average_pool: Form = "full"
    convolved_relu: bool = False
    longest_concatenation: int | None = None
    float_softmax: bool = False
    input_type: str = "float32"
    output_type: str = "float32"
    scaled_input: ScaledInput = "convolution"
    copied_inputs: bool = False
    nonzero_biases: bool = False
    float16_biases: bool = False
    byte_pictures: bool = False
    sparse_weights: bool = False
    raw_boxes: bool = False


@dataclass(frozen=True)
class Finding:
    """One fact about a file that its user should know.

    Attributes:
      code: a short stable name, such as "operator-code".
      severity: "error" (the file does not run there, or its outputs are wrong), "warning" (it is slower or less
        accurate than it could be), or "note".
      message: the fact, one line.
      fix: what to do about it, one line.
      fixable: whether `keras-cnns check --fix` does it.
      operator: the operator that the fact is about, if any.
    """

    code: str
    severity: Severity
    message: str
    fix: str = ""
    fixable: bool = False
    operator: str | None = None

    def __post_init__(self) -> None:
        # names inside a file may contain line breaks
        object.__setattr__(self, "message", " ".join(self.message.splitlines()))


@dataclass(frozen=True)
class Outputs:
    """The outputs of a file.

    Attributes:
      arrays: output name -> (N, ...) floats.
      scales: output name -> step of an integer output; 0 for one of floats.
    """

    arrays: dict[str, np.ndarray]
    scales: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Placement:
    """Where the operators run and what they cost, as far as the target can say; None is unknown.

    Attributes:
      operators: the number of operators.
      outside: operator -> how many of them the accelerator leaves to slower kernels or to the CPU.
      reasons: operator -> why it is left there.
      accelerated_macs: fraction of the multiply-accumulates on the accelerator, 0 to 1.
      arena_bytes: working memory of one run.
      sram_bytes, flash_bytes: memory of a chip.
      cycles, milliseconds: of one run, estimated by the target's own tool.
      runtime: name and version of what ran the file.
    """

    operators: int
    outside: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    accelerated_macs: float | None = None
    arena_bytes: int | None = None
    sram_bytes: int | None = None
    flash_bytes: int | None = None
    cycles: int | None = None
    milliseconds: float | None = None
    runtime: str | None = None

    @property
    def ram_bytes(self) -> int | None:
        """Memory that one run writes: the chip's SRAM where the tool says so, else the arena."""
        return self.arena_bytes if self.sram_bytes is None else self.sram_bytes

    @property
    def accelerated(self) -> float:
        """Fraction of the operators that run on the accelerator, 0 to 1."""
        return 1 - sum(self.outside.values()) / self.operators if self.operators else 1.0


class CannotRun(UserError):
    """The target's tool compiles a file for hardware that is not here: there are no answers to compare."""


@runtime_checkable
class Target(Protocol):
    """A runtime or chip that a `.tflite` file is meant for.

    Attributes:
      name: as users write it, such as "ethos-u55-128".
      title: the name in tables.
      install: the command that installs the target's tool.
    """

    name: str
    title: str
    install: str

    def rewrites(self) -> Rewrites:
        """The forms of a network that run well there."""

    def findings(self, file: TFLiteFile) -> list[Finding]:
        """The findings about a file for which the target's tool is not needed."""

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        """The file's answers, computed by the target's runtime in a process of its own.

        inputs: input name -> (N, ...) floats on the scale of the float model.

        Raises:
          NotInstalled: its tool is missing. CannotRun: it only compiles. UserError: it refused the file or died.
        """

    def placement(self, file: TFLiteFile) -> Placement:
        """Where the operators run and what that costs, by the target's tool in a process of its own.

        Raises:
          NotInstalled: its tool is missing. UserError: it refused the file or died.
        """
