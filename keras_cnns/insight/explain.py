"""Writes pictures that explain the outputs of a model: what `keras-cnns explain` does."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from keras_cnns.inference.network import KERAS
from keras_cnns.inference.pictures import read_picture
from keras_cnns.insight.figures import draw
from keras_cnns.insight.maps import cam as class_map
from keras_cnns.insight.maps import (
    deconvnet,
    features,
    grad_cam,
    guided,
    integrated_gradients,
    maximize,
    occlusion,
    targets,
)
from keras_cnns.insight.maps import tflite_file as explain_file
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import BadArgument, UnreadableFile, nearest

if TYPE_CHECKING:
    import keras

MAPS = {
    "grad_cam": (grad_cam.grad_cam, "weight of the place, score"),
    "grad_cam_plus_plus": (grad_cam.grad_cam_plus_plus, "weight of the place"),
    "cam": (class_map.cam, "score of the place"),
    "occlusion": (occlusion.occlusion, "fall of the score"),
    "integrated_gradients": (integrated_gradients.integrated_gradients, "share of the score"),
}
FINE = {
    "saliency": guided.saliency,
    "guided_backprop": guided.guided_backprop,
    "guided_grad_cam": guided.guided_grad_cam,
}
UNITS = ("deconvnet", "feature_maps", "maximize")
METHODS = (*MAPS, *FINE, *UNITS)
LAYERED = ("grad_cam", "grad_cam_plus_plus", "guided_grad_cam")
MOST = 64  # largest number of maps or filters on one sheet


def explain(
    model: str | Path,
    paths: Sequence[str | Path],
    method: str = "grad_cam",
    *,
    out: str | Path,
    target: int | None = None,
    output: int | str | None = None,
    layer: str | None = None,
    channel: int | None = None,
    low: float = 0.0,
    high: float = 255.0,
) -> list[Path]:
    """Writes the pictures of a method and returns their paths.

    Args:
      model: path of a `.keras` file, or of a `.tflite` file for methods without gradients (occlusion, cam).
      paths: of the pictures, in any common format.
      method: one of METHODS.
      out: folder for the files.
      target: class number; default: the class that the model predicts.
      output: number or name of the output that the class belongs to; default: the first.
      layer: for deconvnet, feature_maps and maximize: the layer to show; for Grad-CAM: whose maps are weighted.
      channel: for deconvnet and maximize: the channel to show.
      low, high: pixel values of black and white in the model's input.

    Raises:
      UserError: an argument is missing or does not fit the method or the model.
    """
    model, out = Path(model), Path(out)
    _check(method, paths, target, layer, channel, low, high)
    goal = targets.Class(target, output)
    if model.suffix == ".tflite":
        return [_of_file(model, paths, method, out, goal, low, high)]
    network, card = InspectedModel(_loaded(model)), read_card(model)
    goal = targets.Class(target, network.output(output))
    shape = network.picture_shape(model)
    if method == "maximize":
        return [_maximized(network, model, out, goal, layer, channel, low, high)]
    shown = np.stack([read_picture(path, shape, **card.view()) for path in paths]) / 255
    pictures = shown * (high - low) + low
    path = out / f"{model.stem}_{method}{f'_{layer}' if layer else ''}.png".replace("/", "_")
    if method == "feature_maps":
        return _features(network, pictures, paths, layer, path)
    if method == "deconvnet":
        return [_projections(network, pictures, shown, paths, layer, channel, path)]
    names = _names(network, pictures, goal, paths, card.labels)
    options: dict = {"layer": layer} if method in LAYERED else {}
    if method in FINE:
        draw.fine_sheet(
            path, shown, FINE[method](network, pictures, goal, **options), names=names, title=_title(method)
        )
        return [path]
    run, unit = MAPS[method]
    maps = run(network, pictures, goal, **options)
    maps = maps.sum(-1) if maps.ndim == 4 else maps
    signed = method in ("integrated_gradients", "occlusion", "cam")
    draw.maps_sheet(path, shown, maps, names=names, title=_title(method), unit=unit, signed=signed)
    return [path]


def show_filters(model: str | Path, *, out: str | Path, layer: str | None = None) -> Path:
    """Writes the filters of the first layer, or of `layer`, of a `.keras` file; returns the path."""
    model = Path(model)
    if model.suffix == ".tflite":
        raise BadArgument(f"{model} is a .tflite file: give a .keras file to see filters.")
    kernels = features.filters(_loaded(model), layer)
    path = Path(out) / f"{model.stem}_filters{f'_{layer}' if layer else ''}.png"
    n, height, width, channels = kernels.shape
    count = f"{n} filters" if n <= 96 else f"the first 96 of {n} filters"
    title = f"{model.stem}: {count} of {height} x {width} x {channels}, each over its own range"
    draw.tiles_sheet(path, draw.stretched(kernels)[:96], title=title, side=0.62)
    return path


def _check(
    method: str,
    paths: Sequence[str | Path],
    target: int | None,
    layer: str | None,
    channel: int | None,
    low: float,
    high: float,
) -> None:
    """Raises UserError if the arguments do not fit the method, before any file is opened."""
    if method not in METHODS:
        raise BadArgument(f"there is no method {method!r}.{nearest(method, METHODS)} Choose from {', '.join(METHODS)}.")
    if not paths and method != "maximize":
        raise BadArgument(f"{method} needs a picture: give one or more.")
    if layer is not None and method not in (*LAYERED, *UNITS):
        raise BadArgument(f"{method} does not use a single layer: leave --layer out, or use grad_cam.")
    if channel is not None and method not in ("deconvnet", "maximize"):
        raise BadArgument(f"{method} does not use a single channel: leave --channel out, or use deconvnet or maximize.")
    if target is not None and method in ("deconvnet", "feature_maps"):
        raise BadArgument(f"{method} shows a layer, not a class: leave --target out.")
    if not low != high:
        raise BadArgument(f"black and white are both {low:g}: give --pixels two different numbers.")


def _loaded(model: Path) -> "keras.Model":
    from keras_cnns.saving.keras_file import load_model

    if model.suffix not in KERAS:
        raise UnreadableFile(f"{model} is none of {', '.join((*KERAS, '.tflite'))}.")
    return load_model(model)


def _of_file(
    model: Path,
    paths: Sequence[str | Path],
    method: str,
    out: Path,
    target: targets.Class,
    low: float,
    high: float,
) -> Path:
    """Writes the sheet of a `.tflite` file."""
    file, card = explain_file.File(model), read_card(model)
    shown = np.stack([read_picture(path, file.shape, **card.view()) for path in paths]) / 255
    maps, classes = file.maps(method, (shown * (high - low) + low).astype("float32"), target)
    names = [_name(path, int(index), card.labels) for path, index in zip(paths, classes, strict=True)]
    path, unit = out / f"{model.stem}_{method}.png", MAPS[method][1]
    title = f"{_title(method)}, of the file {model.name}"
    draw.maps_sheet(path, shown, maps, names=names, title=title, unit=unit, signed=True)
    return path


def _names(
    network: InspectedModel,
    pictures: np.ndarray,
    target: targets.Class,
    paths: Sequence[str | Path],
    labels: Sequence[Any],
) -> list[str]:
    settled: Any = network.settled(target, pictures)
    classes = np.broadcast_to(settled.index, len(paths))
    return [_name(path, int(index), labels) for path, index in zip(paths, classes, strict=True)]


def _name(path: str | Path, index: int, labels: Sequence[Any]) -> str:
    return f"{Path(path).name}, for class {labels[index] if 0 <= index < len(labels) else index}"


def _features(
    network: InspectedModel, pictures: np.ndarray, paths: Sequence[str | Path], layer: str | None, path: Path
) -> list[Path]:
    if layer is None:
        raise BadArgument("feature_maps needs --layer: name the layer whose maps to show.")
    maps_of_pictures = features.feature_maps(network, pictures, layer)
    if maps_of_pictures.ndim != 4:
        raise BadArgument(
            f"layer {layer!r} gives {maps_of_pictures.shape[1:]}, not maps: choose a layer with height and width."
        )
    files = []
    for source, maps in zip(paths, maps_of_pictures, strict=True):
        file = path.with_stem(f"{path.stem}_{Path(source).stem}")
        shown = f"{min(MOST, maps.shape[-1])} of {maps.shape[-1]} maps"
        draw.tiles_sheet(
            file,
            np.moveaxis(maps, -1, 0)[:MOST],
            title=f"{layer} on {Path(source).name}: {shown}",
            unit="activation",
            limits=(float(maps[..., :MOST].min()), float(maps[..., :MOST].max()) or 1.0),
        )
        files.append(file)
    return files


def _projections(
    network: InspectedModel,
    pictures: np.ndarray,
    shown: np.ndarray,
    paths: Sequence[str | Path],
    layer: str | None,
    channel: int | None,
    path: Path,
) -> Path:
    """Writes the windows of the strongest activations, each beside its projection."""
    if layer is None or channel is None:
        raise BadArgument("deconvnet needs --layer and --channel, whose activation it projects back to pixels.")
    best = deconvnet.top_activations(network, pictures, layer, channel)
    tiles, captions = [], []
    for activation in best:
        unit = targets.Unit(layer, channel, activation.position)
        back = draw.around_grey(deconvnet.deconvnet(network, pictures[activation.picture], unit)[0])
        top, left, bottom, right = activation.window or (0, 0, *shown.shape[1:3])
        tiles += [shown[activation.picture, top:bottom, left:right], back[top:bottom, left:right]]
        captions += [f"{Path(paths[activation.picture]).name[:18]}", f"{activation.value:.3g}"]
    title = f"Deconvnet: {layer}, channel {channel}; what it sees and what made it fire (grey: zero)"
    columns = min(6, len(tiles))
    draw.tiles_sheet(
        path.with_stem(f"{path.stem}_{channel}"), tiles, title=title, captions=captions, columns=columns, side=1.5
    )
    return path.with_stem(f"{path.stem}_{channel}")


def _maximized(
    network: InspectedModel,
    model: Path,
    out: Path,
    target: targets.Class,
    layer: str | None,
    channel: int | None,
    low: float,
    high: float,
) -> Path:
    if layer is not None and channel is None or layer is None and target.index is None:
        raise BadArgument("maximize needs --target CLASS, or --layer and --channel.")
    wanted = targets.Unit(layer, channel) if layer and channel is not None else target
    picture = maximize.maximize(network, wanted, low=low, high=high)
    name = f"{layer}_{channel}" if layer else f"class_{target.index}"
    path = out / f"{model.stem}_maximize_{name}.png".replace("/", "_")
    labels: Any = read_card(model).labels
    what = f"{layer}, channel {channel}" if layer else f"class {labels[target.index] if labels else target.index}"
    shown = ((picture - low) / (high - low))[None]
    draw.tiles_sheet(path, shown, title=f"{model.stem}: what excites {what}", captions=[""], side=3.2)
    return path


def _title(method: str) -> str:
    return {
        "grad_cam": "Grad-CAM",
        "grad_cam_plus_plus": "Grad-CAM++",
        "cam": "Class activation map",
        "occlusion": "Occlusion: how much the score falls where the picture is covered",
        "integrated_gradients": "Integrated gradients",
        "saliency": "Gradient of the score by the picture",
        "guided_backprop": "Guided backpropagation",
        "guided_grad_cam": "Guided Grad-CAM",
    }[method]
