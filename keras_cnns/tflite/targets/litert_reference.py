"""LiteRT with its reference kernels and no delegate: what the operators mean, and what microcontrollers compute."""

from keras_cnns.support.messages import listed
from keras_cnns.tflite.file.contents import Operator, Subgraph, TFLiteFile
from keras_cnns.tflite.targets.litert import LiteRT
from keras_cnns.tflite.targets.target import Finding, Placement, Rewrites


class LiteRTReference(LiteRT):
    """ai-edge-litert with the kernels that are written to be read; slow."""

    name = "litert-reference"
    title = "LiteRT (reference kernels)"
    reference = True

    def rewrites(self) -> Rewrites:
        return Rewrites()

    def findings(self, file: TFLiteFile) -> list[Finding]:
        graph = file.main
        sums = [graph.label(op) for op in graph.operators if op.name == "SUM" and _is_int8(graph, op)]
        if not sums:
            return []
        message = f"the reference kernel of SUM computes int8 wrongly in LiteRT 2.3.0 ({listed(sums, 1)})"
        fix = "use LiteRT's other kernels, which are right, or a mean in place of the sum"
        return [Finding("int8-sum", "warning", message, fix, operator="SUM")]

    def placement(self, file: TFLiteFile) -> Placement:
        placement = super().placement(file)
        return Placement(operators=placement.operators, arena_bytes=placement.arena_bytes)


def _is_int8(graph: Subgraph, operator: Operator) -> bool:
    return any(tensor.type == "INT8" for tensor in graph.read_by(operator))
