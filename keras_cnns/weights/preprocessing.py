"""The preprocessing inside a network in a file of Keras: what it does with pixels before its first weights.

The description of the graph tells it. In a file of weights alone, the names of the layers do.
"""

from dataclasses import replace
from typing import Any

import numpy as np

from keras_cnns.blocks.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing, named
from keras_cnns.weights.formats.readers import Tensors

PASSING = ("InputLayer", "Dropout", "Identity", "GaussianNoise", "GaussianDropout", "Cast")  # at inference
ARITHMETIC = {
    **dict.fromkeys(("TrueDivide", "Divide", "math.truediv", "math.divide", "truediv"), "divide"),
    **dict.fromkeys(("Multiply", "math.multiply"), "multiply"),
    **dict.fromkeys(("Add", "math.add", "__operators__.add", "nn.bias_add"), "add"),
    **dict.fromkeys(("Subtract", "math.subtract"), "subtract"),
}
UNKNOWN: Any = object()  # pixels are changed in a way that cannot be read


def preprocessing(tensors: Tensors) -> Any:
    """What the network does to pixels before its first layer with weights.

    Returns:
      A `Preprocessing`, or the name of one in blocks/preprocessing.py; `None` if pixels go in unchanged; `UNKNOWN` if
      they are changed in a way that cannot be read from the model.
    """
    if tensors.graph:
        inside = _Walk(tensors.arrays).through(tensors.graph)
        return inside if inside is UNKNOWN or inside is None else named(inside)
    return _from_names(tensors)


def _from_names(tensors: Tensors) -> Any:
    """The same from the names of layers and the statistics of a Normalization. The scale is not in the file: 1/255."""
    if "rescaling" not in tensors.layers and not any(k.startswith("normalization") for k in tensors.layers):
        return None
    mean, variance = (_statistic(tensors.arrays, "normalization", i) for i in range(2))
    if mean is None or variance is None:
        return UNKNOWN
    if np.allclose(mean, IMAGENET_MEAN, atol=1e-3) and np.allclose(variance, IMAGENET_STD, atol=1e-3):
        return "torch"  # files of keras.applications hold deviations as variances, and one more scaling follows
    return named(Preprocessing(scale=1 / 255, mean=_numbers(mean), std=_numbers(_deviation(variance))))


class _Walk:
    """Follows the pixels from the input on: a and b of a * pixels + b, for three channels in their present order."""

    def __init__(self, arrays: dict[str, Any]) -> None:
        self.arrays = arrays
        self.a, self.b, self.reversed, self.changed = np.ones(3), np.zeros(3), False, False

    def through(self, graph: dict[str, Any]) -> Any:
        """The `Preprocessing` of a described model, None, or UNKNOWN."""
        try:
            self._inside(graph)
        except (_Unread, StopIteration, LookupError, TypeError, ValueError, AttributeError):
            return UNKNOWN
        if not self.changed:
            return None
        if not (np.isfinite(self.a).all() and np.isfinite(self.b).all()):
            return UNKNOWN
        a, b = _numbers(self.a), _numbers(self.b)
        affine = Preprocessing(scale=a if len(set(a)) > 1 else a[0], offset=b if len(set(b)) > 1 else b[0])
        return replace(affine, bgr=self.reversed)

    def _inside(self, graph: dict[str, Any]) -> bool:
        """Follows the pixels through a model. Returns whether the network's own layers begin in it."""
        config = graph.get("config") or {}
        layers = config.get("layers", []) if isinstance(config, dict) else []
        if graph.get("class_name") == "Sequential":
            return any(self._layer(row) for row in layers)
        at = {_name(row) for row in layers if row["class_name"] == "InputLayer"}
        if len(at) != 1:
            return True
        while True:
            readers = [row for row in layers if at & set(_sources(row)) and _name(row) not in at]
            if len(readers) == 3 and all(row["class_name"] == "GetItem" for row in readers):
                at = self._stacked(readers, layers)  # keras.applications' preprocess_input reverses channels so
                continue
            if len(readers) != 1:
                return True
            if self._layer(readers[0]):
                return True
            at = {_name(readers[0])}

    def _stacked(self, readers: list[Any], layers: list[Any]) -> set[str]:
        """The stack of three channels that were taken one by one, in order or reversed. Raises _Unread otherwise."""
        channels = {_name(row): row["inbound_nodes"][0]["args"][1][-1] for row in readers}
        stack = next(row for row in layers if row["class_name"] == "Stack" and set(_sources(row)) == set(channels))
        order = [channels[name] for name in _sources(stack)]
        if order not in ([2, 1, 0], [0, 1, 2]) or stack["config"].get("axis", -1) not in (-1, 3):
            raise _Unread
        if order == [2, 1, 0]:
            self._reverse()
        return {_name(stack)}

    def _layer(self, row: dict[str, Any]) -> bool:
        """Follows the pixels through one layer. Returns whether it is the network's own."""
        kind, config = row["class_name"], row.get("config") or {}
        if kind in ("Functional", "Model", "Sequential"):
            return self._inside(row)
        if kind in PASSING or kind.startswith("Random"):
            return False
        if kind == "Rescaling":
            self._affine(_constant(config["scale"]), _constant(config.get("offset", 0.0)))
        elif kind == "Normalization":
            mean, variance = _constant(config.get("mean")), _constant(config.get("variance"))
            mean = _statistic(self.arrays, config["name"], 0) if mean is None else mean
            variance = _statistic(self.arrays, config["name"], 1) if variance is None else variance
            std = _deviation(np.ravel(variance))
            mean = np.ravel(mean)
            self._affine(std, mean) if config.get("invert") else self._affine(1 / std, -mean / std)
        elif kind == "Flip" and config.get("axis") in (-1, 3):  # noqa: SIM114
            self._reverse()
        elif kind in ("GetItem", "SlicingOpLambda", "TFOpLambda") and _reverses(row):
            self._reverse()
        elif kind == "Concatenate" and len(set(_sources(row))) == 1:
            pass  # a grey picture repeated
        elif kind in ARITHMETIC or (kind == "TFOpLambda" and config.get("function") in ARITHMETIC):
            self._arithmetic(ARITHMETIC[kind if kind in ARITHMETIC else config["function"]], row)
        elif kind in ("Lambda", "Resizing", "CenterCrop", "TFOpLambda", "GetItem", "Split", "Flip"):
            raise _Unread
        else:
            return True
        return False

    def _affine(self, scale: Any, offset: Any) -> None:
        self.a, self.b, self.changed = self.a * _three(scale), self.b * _three(scale) + _three(offset), True

    def _arithmetic(self, kind: str, row: dict[str, Any]) -> None:
        value = _operand(row)
        scale = {"divide": 1 / value, "multiply": value}.get(kind, np.ones(3))
        self._affine(scale, {"add": value, "subtract": -value}.get(kind, np.zeros(3)))

    def _reverse(self) -> None:
        self.a, self.b, self.changed, self.reversed = self.a[::-1], self.b[::-1], True, not self.reversed


class _Unread(Exception):
    """A layer changes pixels in a way that its configuration does not describe."""


def _name(row: dict[str, Any]) -> str:
    return row.get("name") or row["config"]["name"]


def _sources(row: dict[str, Any]) -> list[str]:
    """The names of the layers that a layer reads. Keras 3 describes tensors, Keras 2 has lists of names."""
    names: list[str] = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            if value.get("class_name") == "__keras_tensor__":
                names.append(value["config"]["keras_history"][0])
            else:
                for inner in value.values():
                    look(inner)
        elif isinstance(value, list):
            if len(value) in (3, 4) and isinstance(value[0], str) and all(isinstance(n, int) for n in value[1:3]):
                names.append(value[0])
            else:
                for inner in value:
                    look(inner)

    look(row.get("inbound_nodes", []))
    return names


def _operand(row: dict[str, Any]) -> np.ndarray:
    """The constant operand of an operation on the pixels."""
    node = row["inbound_nodes"][0]
    if isinstance(node, dict):
        operands: list[Any] = [*node["args"], *node.get("kwargs", {}).values()]
        first, others = operands[0], operands[1:]
        if not (isinstance(first, dict) and first.get("class_name") == "__keras_tensor__") or len(others) != 1:
            raise _Unread  # the constant is the first operand
        return _three(_constant(others[0]))
    values = node[0][3] if isinstance(node[0], list) else node[3]
    return _three(_constant(values.get("y", values.get("bias", values.get("value")))))


def _reverses(row: dict[str, Any]) -> bool:
    """Whether the operation is x[..., ::-1]."""
    text = str(row.get("inbound_nodes"))
    return "'step': -1" in text or ", -1)" in text or "None, None, -1" in text


def _constant(value: Any) -> Any:
    """A number or an array in a configuration, or None."""
    if isinstance(value, dict):
        value = value["config"]["value"]
    return None if value is None else np.asarray(value, "float64")


def _three(value: Any) -> np.ndarray:
    value = np.ravel(np.asarray(value, "float64"))
    if value.size not in (1, 3) and len(set(value)) != 1:
        raise _Unread
    return np.full(3, value[0]) if value.size != 3 else value


def _statistic(arrays: dict[str, Any], layer: str, number: int) -> Any:
    """The mean (0) or variance (1) of a Normalization among the arrays of a file, or None."""
    known = {f"{layer}/{number}", f"{layer}/{('mean', 'variance')[number]}"}
    value = next((np.ravel(value) for path, value in arrays.items() if path in known), None)
    return value if value is not None and value.size in (1, 3) else None


def _deviation(variance: Any) -> np.ndarray:
    return np.maximum(np.sqrt(np.asarray(variance, "float64")), 1e-7)  # Keras's epsilon


def _numbers(values: Any) -> tuple[float, ...]:
    return tuple(float(v) for v in np.ravel(values))
