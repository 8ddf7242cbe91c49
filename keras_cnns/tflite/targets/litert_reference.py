"""LiteRT with its reference kernels and no delegate: what the operators mean, and what microcontrollers compute."""

from keras_cnns.tflite.file.contents import TFLiteFile
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
        return []

    def placement(self, file: TFLiteFile) -> Placement:
        placement = super().placement(file)
        return Placement(operators=placement.operators, arena_bytes=placement.arena_bytes)
