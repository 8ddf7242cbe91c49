"""The nearest pictures by a network's pooled features, with an index on disk; and a folder as a two-dimensional map.

A classifier's last maps, averaged over their positions, are alike for pictures that show alike things: the courses'
Siamese use of VGG, without training.
"""

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import tensorflow as tf
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from keras_cnns.inference.pictures import read_picture
from keras_cnns.insight.figures import draw
from keras_cnns.insight.maps.arguments import pixel_range, whole_number
from keras_cnns.insight.maps.base import by_batch, map_layer
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.insight.maps.targets import Target
from keras_cnns.saving.card import read_card
from keras_cnns.support.archives import open_zip
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import BadArgument, UnreadableFile, UserError, first_line
from keras_cnns.support.messages import LOG
from keras_cnns.support.plots import shortened
from keras_cnns.support.validation import path_of

KINDS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
INDEX = ".keras_cnns_index.npz"
SHOWN = 48  # pixels of a picture on a sheet or a map


class Index:
    """The features of the pictures in a folder: `paths` (relative), `features` [n, maps] of length 1.

    Kept in the folder as `.keras_cnns_index.npz`. Pictures that are new or changed are computed when it is opened; the
    others only when the model has changed. A picture that cannot be read is left out and listed in `unread`.

    Pictures are cropped as in the evaluation of the model's training.

    >>> index = Index("holidays", "runs/resnet/model.keras")
    >>> index.nearest(["beach.jpg"], count=3)
    [[('2019/sea.jpg', 0.93), ('2021/coast.jpg', 0.91), ('2020/lake.jpg', 0.88)]]

    Args:
      folder: of the pictures; those in its subfolders count too.
      model: the path of a `.keras` file.
      low, high: the values of black and white for a model without preprocessing inside.

    Raises:
      UserError: there is no such folder or model, no picture, or the model has no maps.
    """

    def __init__(
        self, folder: str | os.PathLike[str], model: str | os.PathLike[str], *, low: float = 0.0, high: float = 255.0
    ) -> None:
        from keras_cnns.saving.keras_file import load_model

        self.folder, model = path_of(folder, "the folder"), path_of(model, "the model")
        low, high = pixel_range(low, high)
        if not self.folder.is_dir():
            raise UnreadableFile(f"there is no folder {folder}.")
        files = sorted(p for p in self.folder.rglob("*") if p.suffix.lower() in KINDS and p.is_file())
        if not files:
            raise UnreadableFile(f"{folder} holds no pictures.")
        self._network, self._scale = InspectedModel(load_model(model)), (low, high)
        self._view = read_card(model).view()
        self._shape, self._layer = self._network.picture_shape(model), map_layer(self._network, None)
        stamp = hashlib.sha256(model.read_bytes() + f"{low} {high} {sorted(self._view.items())}".encode()).hexdigest()
        known = self._known(stamp)
        self.computed, self.unread, features = 0, [], {}
        for path in files:
            key = f"{path.relative_to(self.folder).as_posix()}|{path.stat().st_size}|{path.stat().st_mtime_ns}"
            try:
                features[key] = known[key] if key in known else self.of([path])[0]
            except UserError as error:
                self.unread.append(str(error))
                continue
            self.computed += key not in known
        if not features:
            raise BadArgument(f"none of the {len(files)} pictures in {folder} can be read: {self.unread[0]}")
        self.paths = [key.rsplit("|", 2)[0] for key in features]
        self.features = np.stack(list(features.values()))
        if self.computed or len(features) != len(known):
            with written_aside(self.folder / INDEX) as temporary, open(temporary, "wb") as file:
                np.savez(file, stamp=stamp, keys=np.array(list(features)), features=self.features)

    def of(self, paths: Sequence[str | Path]) -> np.ndarray:
        """Features of pictures, [n, maps], each of length 1. Raises UserError if one cannot be read."""
        low, high = self._scale
        pictures = np.stack([read_picture(path, self._shape, **self._view) for path in paths])
        return self._of_pixels(pictures * ((high - low) / 255) + low)

    def _of_pixels(self, pixels: np.ndarray) -> np.ndarray:
        def pooled(network: InspectedModel, pictures: tf.Tensor, _: Target) -> np.ndarray:
            return np.asarray(network.run(pictures, last=self._layer)[0]).mean((1, 2))

        features = by_batch(self._network, pixels, lambda outputs: outputs, pooled)
        return features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)

    def nearest(self, paths: Sequence[str | Path], count: int = 8) -> list[list[tuple[str, float]]]:
        """For each picture at `paths` the `count` nearest of the folder, without itself: (path, cosine), best first."""
        count, answers = whole_number("count", count), []
        for path, row in zip(paths, self.of(paths) @ self.features.T, strict=True):
            own = Path(path).resolve()
            order = [i for i in np.argsort(-row, kind="stable") if (self.folder / self.paths[i]).resolve() != own]
            answers.append([(self.paths[i], float(row[i])) for i in order[:count]])
        return answers

    def _known(self, stamp: str) -> dict[str, np.ndarray]:
        """The features in the folder's index; none where it belongs to another model, is damaged or does not exist."""
        path = self.folder / INDEX
        if not path.is_file():
            return {}
        try:
            return stored_features(path, stamp, self._of_pixels(np.zeros((1, *self._shape), "float32")).shape[1])
        except UserError as error:
            LOG.warning("%s cannot be read and is written again: %s", path, error)
            return {}


def stored_features(path: Path, stamp: str, width: int) -> dict[str, np.ndarray]:
    """The features in the index at `path`, each of `width` numbers; none where its stamp is another.

    Raises:
      UnreadableFile: it is damaged, or no index.
    """
    try:
        open_zip(path).close()  # its sizes are true
        with np.load(path) as index:
            if str(index["stamp"]) != stamp:
                return {}
            keys, features = index["keys"].tolist(), np.asarray(index["features"], "float32")
        if features.shape[1:] != (width,) or not np.isfinite(features).all():
            raise ValueError("it holds no features of this network")
        if not all(isinstance(key, str) for key in keys):
            raise ValueError("it holds no names")
        return dict(zip(keys, features, strict=True))
    except Exception as error:  # zip, zlib and NumPy each have errors of their own for damaged files
        raise UnreadableFile(f"it is damaged ({first_line(error)}).") from error


def contact_sheet(
    index: Index,
    queries: Sequence[str | Path],
    answers: Sequence[Sequence[tuple[str, float]]],
    path: str | os.PathLike[str],
) -> None:
    """Draws a row for each query to the picture file `path`: itself and the nearest pictures, with their cosines."""
    rows, columns = len(queries), max(map(len, answers)) + 1
    figure = Figure(figsize=(columns * 1.25 + 0.2, rows * 1.65 + 0.5), layout="constrained")
    for row, query, matches in zip(figure.subplots(rows, columns, squeeze=False), queries, answers, strict=True):
        named = [(query, "query"), *((index.folder / p, f"{cosine:.3f}") for p, cosine in matches)]
        for axes in row:
            axes.set_axis_off()
        for axes, (file, caption) in zip(row, named, strict=False):
            draw.show(axes, read_picture(file, (96, 96, 3)) / 255)
            axes.set_title(f"{caption}\n{draw.plain(shortened(Path(file).name, 20))}", fontsize=6.5, pad=2)
    figure.supxlabel("above each picture: cosine of its features and the query's (1: alike)", fontsize=7)
    draw.save(figure, path, f"Nearest pictures in {index.folder.name}")


def flat_map(index: Index, path: str | os.PathLike[str], *, seed: int = 0) -> None:
    """The folder's pictures where t-SNE puts their features on a plane (scikit-learn; by principal components first).

    Raises:
      UserError: there are fewer than 4 pictures.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(index.paths)
    if n < 4:
        raise BadArgument(f"{index.folder} holds {n} pictures: a map needs at least 4.")
    features = PCA(min(50, n - 1, index.features.shape[1]), random_state=seed).fit_transform(index.features)
    places = TSNE(2, perplexity=min(30.0, (n - 1) / 3), init="pca", random_state=seed).fit_transform(features)
    figure = Figure(figsize=(8, 8), layout="constrained")
    axes = figure.subplots()
    axes.scatter(places[:, 0], places[:, 1], s=1, alpha=0)
    zoom = min(1.0, 14 / n**0.5)
    for name, place in zip(index.paths, places, strict=True):
        pixels = read_picture(index.folder / name, (SHOWN, SHOWN, 3)) / 255
        axes.add_artist(AnnotationBbox(OffsetImage(pixels, zoom=zoom), place, frameon=False))
    axes.margins(0.08)
    axes.set_xlabel("first axis of t-SNE, no unit: near is alike")
    axes.set_ylabel("second axis of t-SNE, no unit")
    draw.save(figure, path, f"{n} pictures of {index.folder.name}, by their features")
