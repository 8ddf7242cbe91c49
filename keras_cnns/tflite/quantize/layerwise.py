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
from keras_cnns.tflite.quantize import rounding
from keras_cnns.tflite.quantize.affordable import affordable
from keras_cnns.tflite.quantize.evaluate import answers, normalized_error
from keras_cnns.tflite.quantize.held_out import held_out, surely_less
from keras_cnns.tflite.quantize.kernels import Kernel
from keras_cnns.tflite.quantize.results import Errors, Grid, Results, Some
from keras_cnns.tflite.quantize.settings import Tuning
from keras_cnns.tflite.quantize.steps import INTEGERS, KIND, File, Step, activated, in_floats

Pictures = Mapping[str, np.ndarray]  # input name -> (N, ...) floats
HELD = 2**25  # bytes of the answers of one layer; where they take more, they are computed again
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
    batches = affordable(floats, pictures, batch)
    runs = {name: np.stack([part[name] for part in batches]) for name in pictures}
    return _Refinement(floats, integers, tuning).run(runs)


def closer_of(plain: bytes, quantized: bytes, changed: bytes, pictures: Pictures, batch: int = 1) -> bytes:
    """Whichever of two quantized flatbuffers answers more like `plain`, on pictures that neither was refined on.

    It is `changed` if both are equally good or cannot be compared.
    """
    batches = affordable(File(plain), pictures, batch)
    unlearned = [part for part, out in zip(batches, held_out(len(batches)), strict=True) if out]
    wanted, before, after = (answers(data, unlearned)[0] for data in (plain, quantized, changed))
    if [array.shape for array in wanted] != [array.shape for array in after]:
        return changed
    return quantized if normalized_error(wanted, before) < normalized_error(wanted, after) else changed


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
        right = {tensor: Results(values) for tensor, values in left.items()}
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

    def _grid(self, twin: schema.OperatorT | None, place: int, *, of_output: bool = False) -> Grid | None:
        """The grid of an input or an output of an operator of the quantized file."""
        if twin is None:
            return None
        return Grid.of(self.integers.tensors[(twin.outputs if of_output else twin.inputs)[place]])

    def _plain(
        self,
        operator: schema.OperatorT,
        twin: schema.OperatorT | None,
        left: dict[int, np.ndarray],
        right: dict[int, Results],
    ) -> None:
        computed = [i for i in dict.fromkeys(operator.inputs) if i in left]
        results = Step(self.floats, operator).run([left[i] for i in computed])
        outputs = [i for i in operator.outputs if i >= 0]
        if twin is None and all(left[i] is right[i].values for i in computed):
            rounded = [Results(array) for array in results]
        else:
            grids = [self._grid(twin, list(operator.inputs).index(i)) for i in computed]
            inputs = [(right[i], grid) for i, grid in zip(computed, grids, strict=True)]
            step = Step(self.floats, operator, replaced=self._constants(operator, twin))
            rounded = [
                Results.empty(len(array), array.shape[1:], array.dtype, self._grid(twin, place, of_output=True))
                for place, array in enumerate(results)
            ]
            for run in range(len(results[0])):
                answers = step.once([held.get(run, grid) for held, grid in inputs])
                for held, array in zip(rounded, answers, strict=True):
                    held.put(run, array)
        left.update(zip(outputs, results, strict=True))
        right.update(zip(outputs, rounded, strict=True))

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
        self, kernel: Kernel, twin: schema.OperatorT, left: dict[int, np.ndarray], right: dict[int, Results]
    ) -> None:
        """Refines an operator with weights: rounds the weights for its input, and adds the mean error to its bias.

        Each change is kept only if it makes the error smaller on pictures that it was not learned from.
        """
        operator, picture = kernel.operator, kernel.operator.inputs[kernel.picture]
        (wanted,) = Step(self.floats, operator, linear=True).run([left[picture]])
        enough = wanted[..., 0].size >= FEWEST
        learned = None
        if enough and self.tuning.rounding == "learned":
            learned = self._learned(kernel, twin, left[picture], right[picture])
        step, errors, answers = self._chosen(kernel, twin, wanted, right[picture], learned)
        shift = np.zeros(wanted.shape[-1], np.float32)
        kept, corrected = self._wrong(kernel, errors)
        if enough and np.mean(corrected) < np.mean(kept):
            assert kernel.bias is not None  # `_wrong` says that no other can be corrected
            shift = self._shift(twin, kernel.bias, errors.differences.mean(0))
        output, grid = operator.outputs[0], self._grid(twin, 0, of_output=True)
        rounded = Results.empty(len(wanted), wanted.shape[1:], wanted.dtype, grid)
        inputs = self._grid(twin, kernel.picture)
        for run in range(len(wanted)):
            answer = answers[run] if answers else step.once([right[picture].get(run, inputs)])[0]
            rounded.put(run, activated(operator, np.add(answer, shift, out=answer)))
        left[output], right[output] = activated(operator, wanted), rounded

    def _chosen(
        self, kernel: Kernel, twin: schema.OperatorT, wanted: np.ndarray, pictures: Results, learned: np.ndarray | None
    ) -> tuple[Step, Errors, list[np.ndarray]]:
        """The operator with the nearest weights or, if they are surely better, with the learned ones, which are stored.

        Returns:
          (the operator, its errors, its answers in each run). There are no answers if they take more than HELD.
        """
        replaced, grid = self._constants(kernel.operator, twin), self._grid(twin, kernel.picture)

        def tried(constants: dict[int, np.ndarray]) -> tuple[Step, Errors, list[np.ndarray]]:
            step = Step(self.floats, kernel.operator, replaced=constants, linear=True)
            errors, answers = Errors(len(wanted), wanted.shape[-1]), []
            for run in range(len(wanted)):
                (answer,) = step.once([pictures.get(run, grid)])
                errors.put(run, wanted[run], answer)
                if wanted.nbytes <= HELD:
                    answers.append(answer)
            return step, errors, answers

        nearest = tried(replaced)
        if learned is None:
            return nearest
        tensor = self._stored(twin.inputs[kernel.place])
        other = tried({**replaced, kernel.place: in_floats(learned, self.integers.tensors[tensor])})
        if not surely_less(*(min(self._wrong(kernel, errors), key=np.mean) for _, errors, _ in (other, nearest))):
            return nearest
        self.replaced_buffers.add(self.integers.tensors[tensor].buffer)
        self.integers.store(tensor, learned)
        return other

    def _wrong(self, kernel: Kernel, errors: Errors) -> tuple[np.ndarray, np.ndarray]:
        """Squared errors in each held-out run: with the bias as it is, and corrected by the other runs."""
        held = held_out(len(errors.squares))
        kept = errors.squares[held]
        if self.tuning.bias != "corrected" or kernel.bias is None:
            return kept, np.full_like(kept, np.inf)
        others = held if held.all() else ~held
        corrected = errors.corrected(held, errors.differences[others].mean(0))
        return kept, np.where(np.isfinite(corrected), corrected, np.inf)

    def _learned(
        self, kernel: Kernel, twin: schema.OperatorT, float_ones: np.ndarray, inputs: Results
    ) -> np.ndarray | None:
        """Weights as integers, learned on the pictures that are not held out; None if they cannot be learned."""
        tensor = self._stored(twin.inputs[kernel.place])
        held = self.integers.tensors[tensor]
        channels = float_ones.shape[-1]
        rows = kernel.rows(kernel.weights, channels)
        shared = kernel.operator.outputs[0] in self.shared or self.integers.readers(tensor) > 1
        if kernel.kind == KIND.TRANSPOSE_CONV or rows.shape[-1] > WIDEST or shared:
            return None  # shared weights must stay equal, and are stored once
        count = max(POSITIONS * rows.shape[-1], 512)
        out = held_out(len(inputs))
        seen = out if out.all() else ~out
        patches = kernel.patches(Some(inputs, seen, self._grid(twin, kernel.picture)), count)
        if patches.shape[1] < 2 * patches.shape[2]:
            return None  # weights learned from so few would overfit
        patches -= patches.mean(1, keepdims=True)  # the bias corrects the mean error
        covariance = np.matmul(patches.transpose(0, 2, 1), patches) / patches.shape[1]
        plain = self.integers.tensors[twin.inputs[kernel.picture]].type not in INTEGERS
        if plain and patches.shape[1] >= ENOUGH * patches.shape[2]:
            wanted = kernel.patches(Some(Results(float_ones), seen), count)
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
