"""Detection: boxes around objects, for any kind of detector: how samples are loaded, the metrics, the figures."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from keras_cnns.data.batches import Data
from keras_cnns.support import plots
from keras_cnns.tasks.base.task import Finding, Task
from keras_cnns.tasks.detection import coverage, mistakes
from keras_cnns.tasks.detection.average_precision import Picture, coco, precisions, voc

DETECTED, ANNOTATED = ("boxes", "classes", "scores"), ("boxes", "classes", "ignored", "crowd", "count", "scale")


class Detection(Task):
    """The task of detectors. A target is a dict of boxes, see `data.load`. Random choices depend on its `number` alone.

    There is a subclass for each kind of detector. It implements `loss` and `count`, and sets `detections`, the number
    of boxes that the network returns for each picture.

    >>> task = keras_cnns.tasks.of(find_recipe("small_detector"))
    >>> isinstance(task, keras_cnns.tasks.Detection), task.score
    (True, 'map')
    """

    target = "boxes"
    unused = ("loss", "label_smoothing", "class_weights", "sizes", "auxiliary_weight")
    held_out: tuple[str, ...] = ("map", "map_50")
    score = "map"
    learned = "map_50"
    detections: int

    def load(self, split: str, batch_size: int, **more: Any) -> Data:
        data = super().load(split, batch_size, **more)
        if split == "test":
            self.examples, self.most = data.count, data.batches.element_spec[1]["boxes"].shape[1]
        return data

    def finish(self, classes: int) -> None:
        return None

    def _placed(
        self, detected: dict[str, tf.Tensor], target: dict[str, tf.Tensor], weight: tf.Tensor
    ) -> tuple[tf.Tensor, ...]:
        """The detected and the annotated boxes of all samples, zeros for the samples of other batches."""
        share = weight > 0
        place = tf.boolean_mask(target["number"], share)[:, None]
        parts = [detected[name] for name in DETECTED] + [target[name] for name in ANNOTATED]
        zeros = self.zeros(())
        return tuple(
            tf.scatter_nd(place, tf.boolean_mask(tf.cast(part, z.dtype), share), tf.shape(z, tf.int64))
            for part, z in zip(parts, zeros, strict=True)
        )

    def zeros(self, names: Sequence) -> tuple[tf.Tensor, ...]:
        n, detected, most = self.examples, self.detections, self.most
        annotated = ((n, most, 4), (n, most), (n, most), (n, most), (n,), (n,))
        shapes = ((n, detected, 4), (n, detected), (n, detected), *annotated)
        return tuple(tf.zeros(shape) for shape in shapes)

    def measure(self, counts: Sequence, names: Sequence) -> dict[str, Any]:
        boxes, classes, scores, true, labels, ignored, crowd, count, scale = (np.asarray(part) for part in counts)
        pictures = []
        for n in range(len(boxes)):
            used, m = scores[n] > 0, int(count[n])
            detected = (boxes[n][used] / scale[n], classes[n][used].astype(int), scores[n][used])
            flags = (ignored[n][:m] > 0, crowd[n][:m] > 0)
            pictures.append(Picture(true[n][:m] / scale[n], labels[n][:m].astype(int), *detected, *flags))
        by_class = voc(pictures, len(names))["classes"]
        return {
            "examples": len(pictures),
            **coco(pictures, len(names)),
            "voc_2007": voc(pictures, len(names), year=2007)["map"],
            "classes": {str(n): None if np.isnan(ap) else float(ap) for n, ap in zip(names, by_class, strict=True)},
            "mistakes": mistakes.count(pictures),
            "curves": {
                str(name): None if curve is None else curve.round(4).tolist()
                for name, curve in zip(names, precisions(pictures, len(names)), strict=True)
            },
        }

    def survey(self, targets: Sequence, names: Sequence) -> Iterable[Finding]:
        return coverage.survey(targets, names, self.anchors(), self.recipe.input_shape, self.suggested_scales)

    def suggested_scales(self, small: float, large: float, count: int) -> np.ndarray:
        """The column `scales` for boxes with sides from `small` to `large` pixels.

        count: the number of different sides that the anchors have now.
        """
        return np.geomspace(small, large, count).round()

    def anchors(self) -> np.ndarray | None:
        """The boxes [N, 4] that the network starts from; None where it has none."""
        return None

    def counted(self, target: dict[str, tf.Tensor]) -> dict[str, tf.Tensor]:
        self.examples, self.most = target["boxes"].shape[:2]
        return target | {"number": tf.range(self.examples, dtype=tf.int64)}

    def draw(self, metrics: dict[str, Any], names: Sequence, folder: Path, title: str) -> None:
        plots.bars(metrics["classes"], folder / "classes.png", title, "average precision at .5")
        plots.precision_recall(metrics["curves"], folder / "precision_recall.png", f"{title}, overlap .5")
        plots.counts(metrics["mistakes"], folder / "mistakes.png", title, "boxes of score .5 or more")
