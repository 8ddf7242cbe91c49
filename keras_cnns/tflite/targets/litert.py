"""LiteRT on a CPU, with XNNPACK: the default target, on which every file is run before it is written."""

from typing import Any

from keras_cnns.tflite.file.contents import Operator, TFLiteFile
from keras_cnns.tflite.targets import runner
from keras_cnns.tflite.targets.target import Finding, Outputs, Placement, Rewrites

# What XNNPACK leaves to slower kernels, by the type of an operator's input (ai-edge-litert 2.3.0).
SLOW_IN_INT8 = ("HARD_SWISH", "GELU", "SOFTMAX", "AVERAGE_POOL_2D", "RELU", "RELU6", "ARG_MAX", "L2_NORMALIZATION")
MOST_CONCATENATED = 5  # tensors in one CONCATENATION


LITERT_REWRITES = Rewrites(
    hard_swish="decomposed",
    average_pool="decomposed",
    convolved_relu=True,
    longest_concatenation=MOST_CONCATENATED,
    float_softmax=True,  # in int8 it is not delegated and answers in steps of 1/256
    sparse_weights=True,
)


class LiteRT:
    """ai-edge-litert with XNNPACK, its default."""

    name = "litert"
    title = "LiteRT (CPU, XNNPACK)"
    install = runner.LITERT.install
    reference = False

    def rewrites(self) -> Rewrites:
        return LITERT_REWRITES

    def findings(self, file: TFLiteFile) -> list[Finding]:
        slow = [operator for operator in file.main.operators if _outside_xnnpack(file, operator)]
        names = sorted({operator.name for operator in slow})
        if not names:
            return []
        count = f"{len(slow)} of {len(file.main.operators)} operators"
        return [
            Finding(
                "outside-xnnpack",
                "note",
                f"{count} run outside XNNPACK, in slower kernels: {', '.join(names)}",
                "export with target=litert, which writes them in other forms or leaves them in float",
                operator=names[0],
            )
        ]

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        job = {"file": str(file.path.resolve()), "reference_kernels": self.reference}
        result, arrays = runner.ask("predict", inputs, **job)
        return Outputs(arrays, result["scales"])

    def placement(self, file: TFLiteFile) -> Placement:
        inside, _ = runner.ask("describe", file=str(file.path.resolve()))
        return Placement(
            operators=len(inside["operators"]),
            outside=inside["undelegated"],
            arena_bytes=inside["arena_bytes"],
        )


def _outside_xnnpack(file: TFLiteFile, operator: Operator) -> bool:
    """Whether XNNPACK leaves this operator to other kernels; only what holds for every shape is listed."""
    tensors = list(file.main.read_by(operator))
    types = [tensor.type for tensor in tensors]
    if not types or operator.name in ("QUANTIZE", "DEQUANTIZE"):
        return False
    if operator.name == "CONCATENATION" and len(tensors) > MOST_CONCATENATED:
        return True
    weights_type = types[1] if len(types) > 1 and tensors[1].constant else None
    hybrid = types[0] == "FLOAT32" and weights_type == "INT8"
    return (
        types[0] == "INT16"
        or types[0] == "INT8"
        and operator.name in SLOW_IN_INT8
        or operator.name == "CONV_2D"
        and weights_type == "INT4"
        or operator.name == "DEPTHWISE_CONV_2D"
        and hybrid
    )
