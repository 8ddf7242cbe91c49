"""The nearest pictures by a network's pooled features, with an index on disk; and a folder as a two-dimensional map.

A classifier's last maps, averaged over their positions, are alike for pictures that show alike things: the courses'
Siamese use of VGG, without training.
"""

import hashlib
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from matplotlib.offsetbox import AnnotationBbox, OffsetImage

from keras_cnns.inference.pictures import read_picture
from keras_cnns.insight.figures import draw
from keras_cnns.insight.maps.base import by_batch, map_layer
from keras_cnns.insight.maps.inspected_model import InspectedModel
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.errors import UserError
from keras_cnns.support.plots import shortened

KINDS = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif"}
INDEX = ".keras_cnns_index.npz"
SHOWN = 48  # pixels of a picture on a sheet or a map


class Index:
    """The features of the pictures in a folder: `paths` (relative), `features` [n, maps] of length 1.

    Kept in the folder as `.keras_cnns_index.npz`. Pictures that are new or changed are computed when it is opened; the
    others only when the model has changed. A picture that cannot be read is left out and listed in `unread`.

    Raises:
      UserError: there is no such folder or model, no picture, or the model has no maps.
    """

    def __init__(self, folder, model, *, low=0.0, high=255.0):
        from keras_cnns.saving.keras_file import load_model

        self.folder, model = Path(folder), Path(model)
        if not self.folder.is_dir():
            raise UserError(f"there is no folder {folder}.")
        found = sorted(p for p in self.folder.rglob("*") if p.suffix.lower() in KINDS and p.is_file())
        if not found:
            raise UserError(f"{folder} holds no pictures.")
        self._network, self._scale = InspectedModel(load_model(model)), (low, high)
        self._shape, self._layer = self._network.picture_shape(model), map_layer(self._network, None)
        stamp = hashlib.sha256(model.read_bytes() + f"{low} {high}".encode()).hexdigest()
        known = self._kept(stamp)
        self.computed, self.unread, features = 0, [], {}
        for path in found:
            key = f"{path.relative_to(self.folder).as_posix()}|{path.stat().st_size}|{path.stat().st_mtime_ns}"
            try:
                features[key] = known[key] if key in known else self.of([path])[0]
            except UserError as error:
                self.unread.append(str(error))
                continue
            self.computed += key not in known
        if not features:
            raise UserError(f"none of the {len(found)} pictures in {folder} can be read: {self.unread[0]}")
        self.paths = [key.split("|")[0] for key in features]
        self.features = np.stack(list(features.values()))
        if self.computed or len(features) != len(known):
            with written_aside(self.folder / INDEX) as temporary, open(temporary, "wb") as file:
                np.savez(file, stamp=stamp, keys=np.array(list(features)), features=self.features)

    def of(self, paths):
        """Features of pictures, [n, maps], each of length 1. Raises UserError where one cannot be read."""
        low, high = self._scale
        pixels = np.stack([read_picture(path, self._shape) for path in paths]) * ((high - low) / 255) + low

        def pooled(network, some, _):
            return np.asarray(network.run(some, last=self._layer)[0]).mean((1, 2))

        found = by_batch(self._network, pixels, lambda outputs: outputs, pooled)
        return found / np.maximum(np.linalg.norm(found, axis=1, keepdims=True), 1e-12)

    def nearest(self, paths, count=8):
        """For each picture at `paths`, the `count` nearest of the folder: (path, cosine), best first; not itself."""
        answers = []
        for path, row in zip(paths, self.of(paths) @ self.features.T, strict=True):
            own = Path(path).resolve()
            order = [i for i in np.argsort(-row, kind="stable") if (self.folder / self.paths[i]).resolve() != own]
            answers.append([(self.paths[i], float(row[i])) for i in order[:count]])
        return answers

    def _kept(self, stamp):
        try:
            with np.load(self.folder / INDEX) as kept:
                if str(kept["stamp"]) != stamp:
                    return {}
                return dict(zip(kept["keys"].tolist(), kept["features"], strict=True))
        except (OSError, ValueError, KeyError, EOFError):  # none yet, or damaged: it is made anew
            return {}


def contact_sheet(index, queries, answers, path):
    """A row for each query: itself and what is nearest to it, with cosines."""
    rows, columns = len(queries), max(map(len, answers)) + 1
    figure = Figure(figsize=(columns * 1.25 + 0.2, rows * 1.65 + 0.5), layout="constrained")
    for row, query, found in zip(figure.subplots(rows, columns, squeeze=False), queries, answers, strict=True):
        named = [(query, "query"), *((index.folder / p, f"{cosine:.3f}") for p, cosine in found)]
        for axes in row:
            axes.set_axis_off()
        for axes, (file, caption) in zip(row, named, strict=False):
            draw.show(axes, read_picture(file, (96, 96, 3)) / 255)
            axes.set_title(f"{caption}\n{draw.plain(shortened(Path(file).name, 20))}", fontsize=6.5, pad=2)
    figure.supxlabel("above each picture: cosine of its features and the query's (1: alike)", fontsize=7)
    draw.save(figure, path, f"Nearest pictures in {index.folder.name}")


def flat_map(index, path, *, seed=0):
    """The folder's pictures where t-SNE puts their features on a plane (scikit-learn; by principal components first).

    Raises:
      UserError: there are fewer than 4 pictures.
    """
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    n = len(index.paths)
    if n < 4:
        raise UserError(f"{index.folder} holds {n} pictures: a map needs at least 4.")
    features = PCA(min(50, n - 1, index.features.shape[1]), random_state=seed).fit_transform(index.features)
    places = TSNE(2, perplexity=min(30.0, (n - 1) / 3), init="pca", random_state=seed).fit_transform(features)
    figure = Figure(figsize=(8, 8), layout="constrained")
    axes = figure.subplots()
    axes.scatter(*places.T, s=1, alpha=0)
    zoom = min(1.0, 14 / n**0.5)
    for name, place in zip(index.paths, places, strict=True):
        pixels = read_picture(index.folder / name, (SHOWN, SHOWN, 3)) / 255
        axes.add_artist(AnnotationBbox(OffsetImage(pixels, zoom=zoom), place, frameon=False))
    axes.margins(0.08)
    axes.set_xlabel("first axis of t-SNE, no unit: near is alike")
    axes.set_ylabel("second axis of t-SNE, no unit")
    draw.save(figure, path, f"{n} pictures of {index.folder.name}, by their features")
