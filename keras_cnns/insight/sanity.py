"""Checks of the maps themselves: a map must depend on the weights, and the pixels it points at must matter.

Adebayo et al. 2018, 1810.03292; deletion and insertion: Petsiuk et al. 2018, 1806.07421.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np

from keras_cnns.insight.maps import targets
from keras_cnns.insight.maps.arguments import like_picture, whole_number
from keras_cnns.insight.maps.inspected_model import InspectedModel, checked, inspected, text_of
from keras_cnns.support.errors import BadArgument
from keras_cnns.support.validation import short


def weights_matter(
    method: Callable[..., np.ndarray],
    model: keras.Model,
    pictures: np.ndarray,
    target: targets.TargetLike = None,
    *,
    seed: int = 0,
) -> dict[str, float]:
    """How alike a method's maps are before and after the layers with weights are randomized one after the other.

    From the last layer to the first, each layer's weights are shuffled, and the shuffled ones stay (cascading
    randomization). The model has its own weights again afterwards.

    Args:
      method: (model, pictures, target) -> maps; such as `grad_cam`.
      model, pictures, target: what it takes. A target of None is settled first.

    Returns:
      {layer's name: mean rank correlation of the maps' sizes with the first ones}; a method that explains this network
      falls from 1 towards 0, one that only finds edges stays near 1.

    >>> insight.weights_matter(insight.grad_cam, model, pictures)
    """
    network = InspectedModel(model)
    if not callable(method):
        raise BadArgument(f"method is {short(method)}: it must be a callable such as keras_cnns.insight.grad_cam.")
    rng = np.random.default_rng(whole_number("seed", seed, least=0))
    target = _settled(network, pictures, target)
    first = method(model, pictures, target)
    layers = {call.name: call.operation for call in network.calls if getattr(call.operation, "weights", None)}
    kept = {name: layer.get_weights() for name, layer in layers.items()}
    correlations = {}
    try:
        for name, layer in reversed(layers.items()):
            layer.set_weights([_shuffled(w, rng) for w in kept[name]])
            correlations[name] = rank_correlation(first, method(model, pictures, target))
    finally:
        for name, layer in layers.items():
            layer.set_weights(kept[name])
    return correlations


def rank_correlation(a: np.ndarray, b: np.ndarray) -> float:
    """Spearman's, of the sizes of two sets of maps [n, ...], the mean over the pictures; 0 where a map is constant."""
    from scipy.stats import spearmanr

    correlations = []
    for x, y in zip(np.abs(a), np.abs(b), strict=True):
        constant = np.ptp(x) == 0 or np.ptp(y) == 0
        correlations.append(0.0 if constant else float(spearmanr(x, y, axis=None).statistic))
    return float(np.mean(correlations))


@dataclass(frozen=True)
class Curve:
    """What the model answers (a probability behind a softmax) while more and more of the picture is taken away or put
    back; area: the mean along the way."""

    shares: np.ndarray
    scores: np.ndarray

    @property
    def area(self) -> float:
        """The mean score along the way."""
        trapezoid = np.trapezoid if hasattr(np, "trapezoid") else np.trapz  # type: ignore[attr-defined]  # NumPy 1
        return float(trapezoid(self.scores, self.shares))


def deletion(
    model: keras.Model | InspectedModel,
    picture: np.ndarray,
    order: np.ndarray,
    target: targets.TargetLike = None,
    *,
    steps: int = 20,
    value: float | np.ndarray | None = None,
) -> Curve:
    """The score while the pixels with the highest values in `order` are covered first. A low area speaks for the map.

    picture: [h, w, c]. order: a map [h, w]. value: what covers; None: the picture's mean colour.

    >>> insight.deletion(model, picture, insight.grad_cam(model, picture[None])[0]).area
    """
    return _curve(model, picture, order, target, steps, value, putting_back=False)


def insertion(
    model: keras.Model | InspectedModel,
    picture: np.ndarray,
    order: np.ndarray,
    target: targets.TargetLike = None,
    *,
    steps: int = 20,
    value: float | np.ndarray | None = None,
) -> Curve:
    """The score while those pixels are put into a covered picture first. A high area speaks for the map.

    >>> insight.insertion(model, picture, insight.grad_cam(model, picture[None])[0]).area
    """
    return _curve(model, picture, order, target, steps, value, putting_back=True)


def beats_random(
    model: keras.Model | InspectedModel,
    picture: np.ndarray,
    order: np.ndarray,
    target: targets.TargetLike = None,
    *,
    steps: int = 20,
    value: float | np.ndarray | None = None,
    orders: int = 8,
    seed: int = 0,
) -> dict[str, tuple[float, float]]:
    """Areas of deletion and insertion in the map's order and in random ones.

    A random order is the map itself, mirrored or not and moved to another place (what leaves on one side comes in on
    the other): regions as large and as ragged, that point elsewhere. Pixels or squares strewn at random would be no
    measure: they destroy any picture faster than one region does, wherever that lies.

    Returns:
      {"deletion": (the map's, the random ones' mean), "insertion": (the same)}: a good map has the lower deletion and
      the higher insertion. Where the object fills the picture, as a portrait does, the two are near each other.

    >>> order = insight.grad_cam(model, picture[None])[0]
    >>> areas = insight.beats_random(model, picture, order)
    >>> areas["deletion"][0] < areas["deletion"][1]
    """
    orders = whole_number("orders", orders)
    rng = np.random.default_rng(whole_number("seed", seed, least=0))
    options: dict[str, Any] = {"target": target, "steps": steps, "value": value}
    order = _checked_order(order)
    noise = [_elsewhere(order, rng) for _ in range(orders)]
    areas_by_method = {}
    for name, curve in (("deletion", deletion), ("insertion", insertion)):
        areas = [curve(model, picture, ranking, **options).area for ranking in (order, *noise)]
        areas_by_method[name] = areas[0], float(np.mean(areas[1:]))
    return areas_by_method


def _checked_order(order: Any) -> np.ndarray:
    """A map as float64 [h, w]. Raises UserError unless it is one of finite numbers."""
    try:
        numbers = np.asarray(order, "float64")
    except (TypeError, ValueError):
        numbers = np.empty(0)
    if numbers.ndim != 2 or not numbers.size or not np.isfinite(numbers).all():
        raise BadArgument(f"order is {short(order)}: it must be a map [height, width] of finite numbers.")
    return numbers


def _elsewhere(order: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """The map moved by a quarter to three quarters of its sides."""
    shift = [int(rng.integers(n // 4, 3 * n // 4 + 1)) for n in order.shape]
    return np.roll(order[:, ::-1] if rng.integers(2) else order, shift, axis=(0, 1))


def _curve(
    model: keras.Model | InspectedModel,
    picture: np.ndarray,
    order: np.ndarray,
    target: targets.TargetLike,
    steps: int,
    value: float | np.ndarray | None,
    *,
    putting_back: bool,
) -> Curve:
    network, steps = inspected(model), whole_number("steps", steps)
    target = _settled(network, picture, target)
    (picture,) = checked(picture, network.shape, network.model.name)
    if picture.ndim != 3:
        raise BadArgument(f"{network.model.name} does not take pictures with rows and columns: nothing can be covered.")
    order = _checked_order(order)
    if order.shape != picture.shape[:2]:
        raise BadArgument(f"order has the size {text_of(order.shape)}, the picture {text_of(picture.shape[:2])}.")
    cover = picture.mean((0, 1)) if value is None else like_picture("value", value, picture.shape)
    cover = np.broadcast_to(cover, picture.shape)
    place = np.argsort(np.argsort(-order.ravel(), kind="stable"), kind="stable")
    shares = np.linspace(0, 1, steps + 1)
    first = (place[None] < (shares * place.size)[:, None]).reshape(len(shares), *picture.shape[:2], 1)
    pictures = np.where(first, picture, cover) if putting_back else np.where(first, cover, picture)
    scores = [
        np.asarray(network.scores(pictures[i : i + 32].astype("float32"), target, probabilities=True))
        for i in range(0, len(shares), 32)
    ]
    if not np.isfinite(np.concatenate(scores)).all():
        raise BadArgument(f"{network.model.name} answers with values that are not finite: check its weights.")
    return Curve(shares, np.concatenate(scores))


def _settled(network: InspectedModel, pictures: np.ndarray, target: targets.TargetLike) -> targets.Target:
    """The target for changed pictures: a class that was the model's own answer is written down first."""
    target = targets.of(target)
    target = network.settled(target, checked(pictures, network.shape, network.model.name))
    if isinstance(target, targets.Class) and isinstance(target.index, tuple) and len(target.index) == 1:
        target = replace(target, index=target.index[0])
    return target


def _shuffled(values: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    return rng.permutation(values.ravel()).reshape(values.shape)
