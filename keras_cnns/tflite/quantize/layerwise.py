"""Layer-wise refinement of a quantized file on pictures: learned rounding of weights, and bias correction.

The float file and the quantized one run layer by layer. Each layer of the quantized one takes the results of the
refined layers before it. (Empirical bias correction: Nagel et al. 2019, https://arxiv.org/abs/1906.04721.)
"""

import hashlib
from collections import Counter
from collections.abc import Mapping

import numpy as np
from ai_edge_litert import schema_py_generated as schema

from keras_cnns.support import progress
from keras_cnns.tflite.inputs.pictures import batched, thin
from keras_cnns.tflite.quantize import rounding
from keras_cnns.tflite.quantize.evaluate import answers, normalized_error
from keras_cnns.tflite.quantize.held_out import held_out, mean_difference, surely_less
from keras_cnns.tflite.quantize.kernels import Kernel
from keras_cnns.tflite.quantize.settings import Tuning
from keras_cnns.tflite.quantize.steps import INTEGERS, KIND, File, Step, activated, in_floats

Pictures = Mapping[str, np.ndarray]  # input name -> (N, ...) floats
PICTURES = 64
MEMORY = 1.0e9  # bytes of results held at once, for which fewer pictures are taken
FEWEST = 8  # results of a channel; the mean error of fewer does not hold for other pictures
POSITIONS = 8  # positions that a rounding is learned on, per input of an output
# Positions per input, from which weights also compensate for earlier rounding. Not where the input itself is rounded:
# that is noise, and learning from it cost 2.6 dB on EfficientNet-Lite0.
ENOUGH = 4
WIDEST = 2304  # inputs of an output; beyond them the rounding would take minutes


def refine(plain: bytes, quantized: bytes, pictures: Pictures, tuning: Tuning, batch: int = 1) -> bytes:
    """The flatbuffer `quantized` with weights and biases refined on pictures.

    Args:
      plain: the float32 flatbuffer of the same network.
      pictures: {input name: (N, ...) floats}.
      tuning: a `Tuning`.
      batch: pictures at a time.

    Returns:
      The flatbuffer; `quantized` itself if its operators cannot be run one by one.
    """
    floats, integers = File(plain), File(quantized)
    if not floats.simple or not integers.simple:
        return quantized
    batches = _some(floats, pictures, batch)
    runs = {name: np.stack([part[name] for part in batches]) for name in pictures}
    return _Refinement(floats, integers, tuning).run(runs)


def closer_of(plain: bytes, quantized: bytes, changed: bytes, pictures: Pictures, batch: int = 1) -> bytes:
    """Whichever of two quantized flatbuffers answers more like `plain`, on pictures that neither was refined on.

    It is `changed` if both are equally good or cannot be compared.
    """
    batches = _some(File(plain), pictures, batch)
    unlearned = [part for part, out in zip(batches, held_out(len(batches)), strict=True) if out]
    wanted, before, after = (answers(data, unlearned)[0] for data in (plain, quantized, changed))
    if [array.shape for array in wanted] != [array.shape for array in after]:
        return changed
    return quantized if normalized_error(wanted, before) < normalized_error(wanted, after) else changed


def _some(file: File, pictures: Pictures, batch: int) -> list[dict[str, np.ndarray]]:
    """The batches that layers are refined on."""
    return list(batched(thin(pictures, _affordable(file)), batch))


def _affordable(file: File) -> int:
    """How many pictures fit in MEMORY, with their results in floats and rounded."""
    last = {i: step for step, operator in enumerate(file.operators) for i in operator.inputs}
    sizes = {
        i: 4 * int(np.prod(np.abs(file.tensors[i].shape)))
        for operator in file.operators
        for i in operator.outputs
        if i >= 0 and file.tensors[i].shape is not None
    }
    held, most = {}, 1
    for step, operator in enumerate(file.operators):
        held.update({i: sizes[i] for i in operator.outputs if i in sizes})
        most = max(most, 2 * sum(held.values()))
        held = {i: size for i, size in held.items() if last.get(i, -1) > step}
    return int(np.clip(MEMORY // most, 2, PICTURES))


class _Refinement:
    """Runs the two files operator by operator, and changes weights and biases of the quantized one.

    Attributes:
      floats, integers: the float and the quantized file.
      own: the operators of the quantized file by the names of their results.
      kernels: the kernel of each operator of the float file, or None.
      shared: results of the operators that share their weights with others.
    """

    def __init__(self, floats: File, integers: File, tuning: Tuning) -> None:
        self.floats, self.integers, self.tuning = floats, integers, tuning
        self.own = integers.computing
        self.behind = {o.outputs[0]: o.inputs[0] for o in integers.operators if integers.kind(o) == KIND.DEQUANTIZE}
        self.replaced_buffers: set[int] = set()
        self.kernels = [Kernel.of(floats, operator) for operator in floats.operators]
        digests = {k.operator.outputs[0]: hashlib.sha256(k.weights.tobytes()).digest() for k in self.kernels if k}
        uses = Counter(digests.values())
        self.shared = {result for result, digest in digests.items() if uses[digest] > 1}

    def run(self, inputs: Pictures) -> bytes:
        """Refines every operator once, in order of execution. inputs: {input name: [runs, batch, ...]}."""
        names = {self.floats.name(i): i for i in self.floats.graph.inputs}
        signature = self.floats.model.signatureDefs[0]
        names |= {entry.name.decode(): entry.tensorIndex for entry in signature.inputs}
        left = {names[name]: values for name, values in inputs.items()}
        right = dict(left)
        last = {i: step for step, o in enumerate(self.floats.operators) for i in o.inputs}
        pairs = list(zip(self.floats.operators, self.kernels, strict=True))
        for step, (operator, kernel) in enumerate(progress.track(pairs, "rounding layer by layer")):
            twin = self.own.get(self.floats.name(operator.outputs[0]))
            if kernel and twin is not None and self._rounded(kernel, twin):
                self._linear(kernel, twin, left, right)
            else:
                self._plain(operator, twin, left, right)
            for tensor in {*operator.inputs, *operator.outputs}:
                if last.get(tensor, -1) <= step:
                    left.pop(tensor, None)
                    right.pop(tensor, None)
        return self.integers.without(self.replaced_buffers)

    def _stored(self, tensor: int) -> int:
        """The integer tensor before a DEQUANTIZE; `tensor` itself if no DEQUANTIZE makes it."""
        return self.behind.get(tensor, tensor)

    def _rounded(self, kernel: Kernel, twin: schema.OperatorT) -> bool:
        held = self.integers.tensors[self._stored(twin.inputs[kernel.place])]
        return held.type in INTEGERS and self.integers.constant(self._stored(twin.inputs[kernel.place])) is not None

    def _as_stored(self, tensor: int, values: np.ndarray) -> np.ndarray:
        """The values rounded to the steps of a tensor of the quantized file."""
        held = self.integers.tensors[tensor]
        if held.type not in INTEGERS or values.dtype != np.float32:
            return values
        scale, zero = _grid(held)
        high = 2 ** (INTEGERS[held.type] - 1)
        integers = np.rint(values / scale)
        integers += zero
        np.clip(integers, -high, high - 1, out=integers)
        integers -= zero
        integers *= scale
        return integers.astype(np.float32, copy=False)

    def _plain(
        self,
        operator: schema.OperatorT,
        twin: schema.OperatorT | None,
        left: dict[int, np.ndarray],
        right: dict[int, np.ndarray],
    ) -> None:
        computed = [i for i in dict.fromkeys(operator.inputs) if i in left]
        results = Step(self.floats, operator).run([left[i] for i in computed])
        if all(left[i] is right[i] for i in computed) and twin is None:
            rounded = results
        else:
            places = {i: list(operator.inputs).index(i) for i in computed}
            inputs = [right[i] if twin is None else self._as_stored(twin.inputs[places[i]], right[i]) for i in computed]
            rounded = Step(self.floats, operator, replaced=self._constants(operator, twin)).run(inputs)
        outputs = [i for i in operator.outputs if i >= 0]
        for place, tensor in enumerate(outputs):
            left[tensor] = results[place]
            right[tensor] = rounded[place] if twin is None else self._as_stored(twin.outputs[place], rounded[place])

    def _constants(self, operator: schema.OperatorT, twin: schema.OperatorT | None) -> dict[int, np.ndarray]:
        """The rounded constants that replace the float ones: position of the input -> values."""
        constants: dict[int, np.ndarray] = {}
        if twin is None:
            return constants
        for place, tensor in enumerate(operator.inputs):
            values = self.floats.constant(tensor)
            if values is None or values.dtype != np.float32:
                continue
            rounded = self._value(self._stored(twin.inputs[place]))
            if rounded is not None:
                constants[place] = rounded
        return constants

    def _value(self, tensor: int) -> np.ndarray | None:
        """A constant of the quantized file, in floats."""
        values, held = self.integers.constant(tensor), self.integers.tensors[tensor]
        if values is None or held.quantization is None or held.quantization.scale is None:
            return values if values is not None and values.dtype == np.float32 else None
        return in_floats(values, held)

    def _linear(
        self, kernel: Kernel, twin: schema.OperatorT, left: dict[int, np.ndarray], right: dict[int, np.ndarray]
    ) -> None:
        """Refines an operator with weights: rounds the weights for its input, and adds the mean error to its bias.

        Each change is kept only if it makes the error smaller on pictures that it was not learned from.
        """
        operator, picture = kernel.operator, kernel.operator.inputs[kernel.picture]
        output = operator.outputs[0]
        (wanted,) = Step(self.floats, operator, linear=True).run([left[picture]])
        inputs = self._as_stored(twin.inputs[kernel.picture], right[picture])
        replaced, learned = self._constants(operator, twin), None
        (actual,) = Step(self.floats, operator, replaced=replaced, linear=True).run([inputs])
        enough = wanted[..., 0].size >= FEWEST
        if enough and self.tuning.rounding == "learned":
            learned = self._learned(kernel, twin, left[picture], inputs)
        if learned is not None:
            tensor = self._stored(twin.inputs[kernel.place])
            values = in_floats(learned, self.integers.tensors[tensor])
            (other,) = Step(self.floats, operator, replaced={**replaced, kernel.place: values}, linear=True).run(
                [inputs]
            )
            if surely_less(
                *(min(self._wrong(kernel, wanted, candidate), key=np.mean) for candidate in (other, actual))
            ):
                actual = other
                self.replaced_buffers.add(self.integers.tensors[tensor].buffer)
                self.integers.store(tensor, learned)
        kept, corrected = self._wrong(kernel, wanted, actual)
        if enough and np.mean(corrected) < np.mean(kept):
            assert kernel.bias is not None  # `_wrong` says that no other can be corrected
            actual += self._shift(twin, kernel.bias, mean_difference(wanted, actual))
        left[output] = activated(operator, wanted)
        right[output] = self._as_stored(twin.outputs[0], activated(operator, actual))

    def _wrong(self, kernel: Kernel, wanted: np.ndarray, actual: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Squared errors in each held-out run: with the bias as it is, and corrected by the other runs."""
        held = held_out(len(wanted))
        axes = tuple(range(1, wanted.ndim))
        kept = np.asarray(np.mean(np.square(wanted[held] - actual[held]), axes, dtype=np.float64))
        if self.tuning.bias != "corrected" or kernel.bias is None:
            return kept, np.full_like(kept, np.inf)
        others = held if held.all() else ~held
        shift = mean_difference(wanted[others], actual[others])
        corrected = np.mean(np.square(wanted[held] - actual[held] - shift), axes, dtype=np.float64)
        return kept, np.where(np.isfinite(corrected), corrected, np.inf)

    def _learned(
        self, kernel: Kernel, twin: schema.OperatorT, float_ones: np.ndarray, inputs: np.ndarray
    ) -> np.ndarray | None:
        """Weights as integers, learned on the pictures that are not held out; None if they cannot be learned."""
        tensor = self._stored(twin.inputs[kernel.place])
        held = self.integers.tensors[tensor]
        channels = inputs.shape[-1]
        rows = kernel.rows(kernel.weights, channels)
        shared = kernel.operator.outputs[0] in self.shared or self.integers.readers(tensor) > 1
        if kernel.kind == KIND.TRANSPOSE_CONV or rows.shape[-1] > WIDEST or shared:
            return None  # shared weights must stay equal, and are stored once
        count = max(POSITIONS * rows.shape[-1], 512)
        out = held_out(len(inputs))
        seen = (x if out.all() else x[~out] for x in (inputs, float_ones))
        patches, wanted = (kernel.patches(x.reshape(-1, *x.shape[2:]), count) for x in seen)
        if patches.shape[1] < 2 * patches.shape[2]:
            return None  # weights learned from so few would overfit
        patches = patches - patches.mean(1, keepdims=True)  # the bias corrects the mean error
        covariance = np.matmul(patches.transpose(0, 2, 1), patches) / patches.shape[1]
        plain = self.integers.tensors[twin.inputs[kernel.picture]].type not in INTEGERS
        if plain and patches.shape[1] >= ENOUGH * patches.shape[2]:
            missing = np.matmul((wanted - wanted.mean(1, keepdims=True) - patches).transpose(0, 2, 1), patches)
            rows = rounding.compensated(rows, covariance, missing / patches.shape[1])
        scale = np.broadcast_to(np.asarray(held.quantization.scale, np.float64), kernel.weights.shape[kernel.axis])
        high = 2 ** (INTEGERS[held.type] - 1) - 1
        integers = rounding.learned(rows, covariance, scale.reshape(rows.shape[:2]), -high, high)
        return kernel.stored(integers, kernel.weights.shape)

    def _shift(self, twin: schema.OperatorT, place: int, wrong: np.ndarray) -> np.ndarray:
        """Adds `wrong` to the bias of an operator; returns what was added after rounding to the steps of its type."""
        tensor = twin.inputs[place]
        if self.integers.readers(tensor) > 1:
            tensor = self.integers.twin(tensor, twin.outputs[0])
            twin.inputs = [*twin.inputs[:place], tensor, *twin.inputs[place + 1 :]]
        held = self.integers.tensors[tensor]
        values = self.integers.constant(tensor)
        assert values is not None  # a bias is stored
        self.replaced_buffers.add(held.buffer)
        if values.dtype == np.float32:
            self.integers.store(tensor, values + wrong.astype(np.float32))
            return wrong.astype(np.float32)
        scale = np.asarray(held.quantization.scale, np.float64)
        limits = np.iinfo(values.dtype)
        steps = np.rint(wrong / np.maximum(scale, np.finfo(np.float32).tiny))
        moved = np.clip(values + steps, limits.min // 2, limits.max // 2).astype(values.dtype)
        self.integers.store(tensor, moved)
        return ((moved - values) * scale).astype(np.float32)


def _grid(tensor: schema.TensorT) -> tuple[np.float32, np.float32]:
    return np.float32(tensor.quantization.scale[0]), np.float32(tensor.quantization.zeroPoint[0])
