"""The operators with weights: which input is the picture, the weights and the bias, and the weights as rows."""

from dataclasses import dataclass

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.tflite.quantize.results import Some
from keras_cnns.tflite.quantize.steps import KIND, LIMITS, File

# operator: the places of the picture, the weights and the bias among the inputs
PLACES = {
    KIND.CONV_2D: (0, 1, 2),
    KIND.DEPTHWISE_CONV_2D: (0, 1, 2),
    KIND.FULLY_CONNECTED: (0, 1, 2),
    KIND.TRANSPOSE_CONV: (2, 1, 3),
}


@dataclass(frozen=True)
class Kernel:
    """An operator that is linear in its input; the last axis of its result is the channel.

    Attributes:
      weights: as floats, in their stored shape.
      picture, place, bias: positions of the picture, the weights and the bias among the operator's inputs; `bias` is
        None without a stored bias.
    """

    operator: schema.OperatorT
    kind: int
    weights: np.ndarray
    picture: int
    place: int
    bias: int | None

    @classmethod
    def of(cls, file: File, operator: schema.OperatorT) -> "Kernel | None":
        """The kernel of an operator; None if it has no weights or computes them."""
        kind = file.kind(operator)
        if kind not in PLACES:
            return None
        picture, place, bias = PLACES[kind]
        weights = file.constant(operator.inputs[place])
        fused = getattr(operator.builtinOptions, "fusedActivationFunction", None)
        known = fused in LIMITS or kind == KIND.TRANSPOSE_CONV and fused is None
        if (
            weights is None
            or weights.dtype != np.float32
            or not known
            or file.constant(operator.inputs[picture]) is not None
        ):
            return None
        stored = len(operator.inputs) > bias and file.constant(operator.inputs[bias]) is not None
        return cls(operator, kind, weights, picture, place, bias if stored else None)

    @property
    def axis(self) -> int:
        """The axis of the weights that is the output channel."""
        return 3 if self.kind == KIND.DEPTHWISE_CONV_2D else 0

    def rows(self, weights: np.ndarray, channels: int) -> np.ndarray:
        """Weights as [groups, outputs, inputs], with inputs in the order of `patches`. channels: of the picture."""
        if self.kind == KIND.DEPTHWISE_CONV_2D:
            _, height, width, outputs = weights.shape
            return weights.reshape(height * width, channels, outputs // channels).transpose(1, 2, 0)
        groups = channels // weights.shape[-1] if self.kind == KIND.CONV_2D else 1
        return weights.reshape(groups, len(weights) // groups, -1)

    def stored(self, rows: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
        """The reverse of `rows`: rows in the shape of the weights."""
        if self.kind == KIND.DEPTHWISE_CONV_2D:
            return rows.transpose(2, 0, 1).reshape(shape)
        return rows.reshape(shape)

    def patches(self, pictures: np.ndarray | Some, limit: int, seed: int = 0) -> np.ndarray:
        """The inputs of the weights at random positions: [groups, positions, inputs].

        pictures: [N, rows, columns, channels], or [N, ..., inputs] for a dense layer. limit: largest number of
        positions.
        """
        rng = np.random.default_rng(seed)
        if self.kind == KIND.FULLY_CONNECTED:
            every = pictures.every() if isinstance(pictures, Some) else pictures
            flat = every.reshape(-1, self.weights.shape[-1])
            return flat[_some(len(flat), limit, rng)][None]
        options = self.operator.builtinOptions
        size = self.weights.shape[1:3]
        strides = options.strideH, options.strideW
        dilations = options.dilationHFactor or 1, options.dilationWFactor or 1
        reach = [(n - 1) * d + 1 for n, d in zip(size, dilations, strict=True)]
        before = [0, 0]
        positions = [(n - r) // s + 1 for n, r, s in zip(pictures.shape[1:3], reach, strides, strict=True)]
        if options.padding == schema.Padding.SAME:
            positions = [-(-n // s) for n, s in zip(pictures.shape[1:3], strides, strict=True)]
            sides = zip(positions, strides, reach, pictures.shape[1:3], strict=True)
            before = [max((p - 1) * s + r - n, 0) // 2 for p, s, r, n in sides]
        chosen = _some(len(pictures) * positions[0] * positions[1], limit, rng)
        index, row, column = np.unravel_index(chosen, (len(pictures), *positions))
        channels = pictures.shape[-1]
        patches = np.zeros((len(chosen), *size, channels), np.float32)
        for i in range(size[0]):
            for j in range(size[1]):
                r = row * strides[0] + i * dilations[0] - before[0]
                c = column * strides[1] + j * dilations[1] - before[1]
                inside = (r >= 0) & (r < pictures.shape[1]) & (c >= 0) & (c < pictures.shape[2])
                patches[inside, i, j] = pictures[index[inside], r[inside], c[inside]]
        if self.kind == KIND.DEPTHWISE_CONV_2D:
            return patches.reshape(len(chosen), -1, channels).transpose(2, 0, 1)
        groups = channels // self.weights.shape[-1]
        return np.moveaxis(patches.reshape(len(chosen), -1, groups, channels // groups), 2, 0).reshape(
            groups, len(chosen), -1
        )


def _some(count: int, limit: int, rng: np.random.Generator) -> np.ndarray:
    return np.arange(count) if count <= limit else np.sort(rng.choice(count, limit, replace=False))
