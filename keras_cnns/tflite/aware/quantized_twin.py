"""Quantization-aware training by tensorflow-model-optimization (tfmot), in a tf_keras twin of the model.

Each layer is annotated with what to round. tfmot has no rule for half the layers of a modern network, and some of its
other rules do not fit what TFLite computes.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any, cast

import keras
import numpy as np
import tensorflow as tf

from keras_cnns.graph.graph import Graph
from keras_cnns.graph.kinds import LINEAR, TRANSPOSED
from keras_cnns.graph.node import Node, Uses
from keras_cnns.support.errors import BadArgument
from keras_cnns.tflite.aware import native
from keras_cnns.tflite.aware.calibrate import calibrate
from keras_cnns.tflite.aware.fake_quant import FakeQuant
from keras_cnns.tflite.aware.source import Source
from keras_cnns.tflite.aware.twin import HeldBatchNormalization, Twin, tf_keras, tfmot
from keras_cnns.tflite.rewrite.fold import as_affine, fold_back, fold_forward
from keras_cnns.tflite.rewrite.prepare import Outputs

INPUT = "_as_given"  # ends the names of the layers that round the inputs


class PerChannel(tfmot.quantization.keras.quantizers.Quantizer):
    """Rounds kernels to 255 symmetric steps per filter; tfmot has one range for all channels of a depthwise kernel."""

    def __init__(self, axes: Iterable[int]) -> None:
        self.axes = list(axes)

    def build(self, tensor_shape: Any, name: str, layer: tf_keras.layers.Layer) -> dict[str, tf.Variable]:
        return {}

    def __call__(self, inputs: tf.Tensor, training: Any, weights: dict[str, tf.Variable], **kwargs: Any) -> tf.Tensor:
        step = tf.reduce_max(tf.abs(inputs), self.axes, keepdims=True) / 127.0
        step = tf.where(step > 0, step, tf.ones_like(step))
        return inputs + tf.stop_gradient(tf.round(inputs / step) * step - inputs)

    def get_config(self) -> dict[str, Any]:
        return {"axes": self.axes}


class Between(tfmot.quantization.keras.quantizers.Quantizer):
    """Rounds results to 256 steps of a fixed range."""

    def __init__(self, low: float, high: float) -> None:
        self.low, self.high = low, high

    def build(self, tensor_shape: Any, name: str, layer: tf_keras.layers.Layer) -> dict[str, tf.Variable]:
        return {}

    def __call__(self, inputs: tf.Tensor, training: Any, weights: dict[str, tf.Variable], **kwargs: Any) -> tf.Tensor:
        return tf.quantization.fake_quant_with_min_max_args(inputs, self.low, self.high)

    def get_config(self) -> dict[str, Any]:
        return {"low": self.low, "high": self.high}


class Following(tfmot.quantization.keras.quantizers.MovingAverageQuantizer):
    """Rounds results to 256 steps of a range that follows them; values below `least` count as `least`."""

    def __init__(self, least: float | None = None) -> None:
        super().__init__(num_bits=8, per_axis=False, symmetric=False, narrow_range=False)
        self.least = least

    def __call__(self, inputs: tf.Tensor, training: Any, weights: dict[str, tf.Variable], **kwargs: Any) -> tf.Tensor:
        inputs = inputs if self.least is None else tf.maximum(inputs, self.least)
        return super().__call__(inputs, training, weights, **kwargs)

    def get_config(self) -> dict[str, Any]:
        return {"least": self.least}


class Rounding(tfmot.quantization.keras.QuantizeConfig):
    """What to round of a layer. kernel: name of the attribute, over `axes`. output: None, "moving" or (low, high).

    least: of the moving range, see `Following`.
    """

    def __init__(
        self,
        kernel: str | None = None,
        axes: Iterable[int] = (),
        output: Any = None,
        least: float | None = None,
    ) -> None:
        self.kernel, self.axes, self.output, self.least = kernel, list(axes), output, least

    def get_weights_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[tuple[tf.Variable, Any]]:
        return [(getattr(layer, self.kernel), PerChannel(self.axes))] if self.kernel else []

    def set_quantize_weights(self, layer: tf_keras.layers.Layer, quantize_weights: list[tf.Tensor]) -> None:
        for weight in quantize_weights:
            setattr(layer, cast(str, self.kernel), weight)

    def get_activations_and_quantizers(self, layer: tf_keras.layers.Layer) -> list[Any]:
        return []

    def set_quantize_activations(self, layer: tf_keras.layers.Layer, quantize_activations: list[Any]) -> None:
        pass

    def get_output_quantizers(self, layer: tf_keras.layers.Layer) -> list[Any]:
        if self.output == "moving":
            return [Following(self.least)]
        return [Between(*self.output)] if self.output else []

    def get_config(self) -> dict[str, Any]:
        return {"kernel": self.kernel, "axes": self.axes, "output": self.output, "least": self.least}


class AsAnnotated(tfmot.quantization.keras.default_8bit.Default8BitQuantizeScheme):
    """Rounds exactly what is annotated; tfmot's own patterns remove the rounding of a convolution before a ReLU."""

    def get_layout_transformer(self) -> "AsAnnotated":
        return self

    def apply(self, model: tf_keras.Model, layer_quantize_map: dict[str, Any]) -> tuple[tf_keras.Model, dict[str, Any]]:
        return model, layer_quantize_map


CUSTOM = {kind.__name__: kind for kind in (Rounding, PerChannel, Between, Following, HeldBatchNormalization)}


class QuantizedTwin(Twin):
    """The twin with tfmot's wrappers: `aware` is the tf_keras model to train; `back()` returns the Keras 3 model."""

    rescales = True

    def __init__(
        self, model: keras.Model, *, pictures: Any = None, outputs: Outputs = None, hold_statistics: bool = True
    ) -> None:
        super().__init__(model, outputs=outputs, hold_statistics=hold_statistics)
        self.least = {node.name: value for node, value in native.floors(self.graph).items()}
        self.ranged = self._ranged()
        annotate = tfmot.quantization.keras.quantize_annotate_layer

        def wrap(node: Node, layer: tf_keras.layers.Layer | None) -> tf_keras.layers.Layer | None:
            if layer is None and node.name not in self.ranged:
                return None
            layer = layer or tf_keras.layers.Activation("linear", name=f"{node.name}{INPUT}")
            return annotate(layer, quantize_config=self._rounding(node))

        with tfmot.quantization.keras.quantize_scope(CUSTOM):
            self.aware = tfmot.quantization.keras.quantize_apply(self.make(wrap), AsAnnotated())
        self.aware.keras_cnns_twin = self
        if pictures is not None:
            self._start_from(pictures)

    def _ranged(self) -> dict[str, tuple[float | None, float | None]]:
        """Node name -> its fixed range or (None, None), for each node after which something is rounded."""
        graph, ranged = self.graph, {}
        self._quantize(graph, lambda node: None)
        for node in graph.nodes:
            if node.is_a(FakeQuant):
                ranged[node.input.name] = (node.config["low"], node.config["high"])
        graph.rewrite(lambda node, uses: node.input if node.is_a(FakeQuant) else None)
        return ranged

    def _quantize(self, graph: Graph, ranges: Callable[[Node], Sequence[float] | None]) -> None:
        """FakeQuant nodes into a graph that has its batch normalization still."""

        def rule(node: Node, uses: Uses) -> Node | None:
            fake_quant = native.quantized(node, uses, least=self.least.get(node.name))
            if fake_quant is not None and (limits := ranges(node)) is not None and fake_quant.config["low"] is None:
                fake_quant.weights = [np.float32(limits[0]), np.float32(limits[1]), np.float32(1)]
            return fake_quant

        graph.rewrite(rule)

    def _rounding(self, node: Node) -> Rounding:
        kernel, rank = None, len(node.weights[0].shape) if node.weights else 0
        axes: Iterable[int] = ()
        if node.is_a(*LINEAR):
            kernel = "depthwise_kernel" if "Depthwise" in node.kind else "kernel"
            axes = range(rank - 1) if kernel == "kernel" else range(rank - 2)
            axes = [*range(rank - 2), rank - 1] if node.is_a(*TRANSPOSED) else axes
        low, high = self.ranged.get(node.name, (None, None))
        moving = "moving" if node.name in self.ranged else None
        return Rounding(kernel, axes, moving if low is None else (low, high), self.least.get(node.name))

    def _start_from(self, pictures: Any) -> None:
        """Ranges as `pictures` fill them; tfmot starts with -6 .. 6 and moves that by a thousandth a batch."""
        model, rounding = self._quantized(lambda node: None)
        calibrate(model, pictures)
        for name, variables in self._variables().items():
            layer = model.get_layer(rounding[name])
            if layer.fixed is None:
                for variable, value in zip(variables, (layer.low, layer.high), strict=True):
                    variable.assign(float(value))

    def _variables(self) -> dict[str, list[tf.Variable]]:
        """Node name -> the (low, high) variables of its result in the tfmot model."""
        by_name = {}
        for layer in self.aware.layers:
            if hasattr(layer, "quantize_config") and layer.quantize_config.output == "moving":
                name = layer.layer.name.removesuffix(INPUT)
                by_name[name] = [layer._output_quantizer_vars[k] for k in ("min_var", "max_var")]
        return by_name

    def _quantized(self, ranges: Callable[[Node], Sequence[float] | None]) -> tuple[keras.Model, dict[str, str]]:
        """A Keras 3 model with the graph's weights, folded, and FakeQuant layers that start from `ranges(node)`.

        Returns: the model, and node name -> name of the FakeQuant layer after it.
        """
        copy = self.graph.copy()
        self._quantize(copy, ranges)
        rounding = {node.input.name: node for node in copy.nodes if node.is_a(FakeQuant)}
        copy.rewrite(as_affine)
        copy.rewrite(fold_back)
        copy.rewrite(fold_forward)
        copy.rewrite(native.rounding)
        native.name_outputs(copy, self.names)
        return copy.build(), {name: node.name for name, node in rounding.items()}

    def back(self, model: tf_keras.Model | None = None) -> keras.Model:
        """The quantization-aware Keras 3 model that computes what the tfmot model was trained to compute."""
        aware = model or self.aware
        wrapped = {layer.layer.name: layer for layer in aware.layers if hasattr(layer, "quantize_config")}
        self.fetch(lambda name: _trained(wrapped[name]))
        ranges = {name: [float(v) for v in variables] for name, variables in self._variables().items()}
        keras_model = self._quantized(lambda node: ranges.get(node.name))[0]
        keras_model.keras_cnns_source = Source(self.source)
        return keras_model


def _trained(wrapper: tf_keras.layers.Layer) -> list[np.ndarray]:
    """The weights of a wrapped layer in the order of tf_keras; the kernel itself, not its rounded stand-in."""
    kernels = {id(w): w for w, _, _ in wrapper._weight_vars}
    own = [v for v in wrapper.layer.weights if id(v) not in kernels]
    return [w.numpy() for w in [*kernels.values(), *own]]


def quantization_aware(
    model: keras.Model, *, pictures: Any = None, outputs: Outputs = None, hold_statistics: bool = True
) -> tf_keras.Model:
    """A tf_keras model quantized by tfmot, to be trained with tf_keras; `back` turns it into a Keras 3 model again.

    pictures, outputs, hold_statistics: as in `api.quantization_aware`.
    """
    return QuantizedTwin(model, pictures=pictures, outputs=outputs, hold_statistics=hold_statistics).aware


def back(aware: tf_keras.Model) -> keras.Model:
    """The quantization-aware Keras 3 model of a trained tfmot model, for `convert`, `export` and `.keras` files.

    Raises:
      UserError: `quantization_aware(method="tfmot")` did not return the model in this process.
    """
    twin = getattr(aware, "keras_cnns_twin", None)
    if twin is None:
        raise BadArgument('give the model itself that quantization_aware(method="tfmot") returned.')
    return twin.back(aware)
