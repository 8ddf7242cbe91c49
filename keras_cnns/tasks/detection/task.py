"""Detection: boxes around objects, whichever network finds them. What is loaded, measured and drawn."""

import numpy as np
import tensorflow as tf

from keras_cnns.support import plots
from keras_cnns.tasks.base.task import Task
from keras_cnns.tasks.detection import coverage, mistakes
from keras_cnns.tasks.detection.average_precision import Picture, coco, precisions, voc

DETECTED, ANNOTATED = ("boxes", "classes", "scores"), ("boxes", "classes", "ignored", "crowd", "count", "scale")


class Detection(Task):
    """A target is a dict: boxes float32 [B, most, 4], classes int32 [B, most], of which the first count int32 [B] are
    there, and number int64 [B], the sample's in the run: all chance depends on it alone. For the rest see `data.load`.

    Subclasses are the kinds of detectors: they add `loss` and `count`, and set `detections`, the boxes that the network
    returns for each picture.
    """

    target = "boxes"
    unused = ("loss", "label_smoothing", "class_weights", "sizes", "auxiliary_weight")
    held_out: tuple = ("map", "map_50")
    score = "map"
    learned = "map_50"
    detections: int

    def load(self, split, batch_size, **more):
        data = super().load(split, batch_size, **more)
        if split == "test":
            self.examples, self.most = data.count, data.batches.element_spec[1]["boxes"].shape[1]
        return data

    def finish(self, classes):
        return None

    def _placed(self, detected, target, weight):
        """What was detected and what is annotated, each at its sample's place, so that batches may be added up."""
        share = weight > 0
        place = tf.boolean_mask(target["number"], share)[:, None]
        parts = [detected[name] for name in DETECTED] + [target[name] for name in ANNOTATED]
        zeros = self.zeros(())
        return tuple(
            tf.scatter_nd(place, tf.boolean_mask(tf.cast(part, z.dtype), share), tf.shape(z, tf.int64))
            for part, z in zip(parts, zeros, strict=True)
        )

    def zeros(self, names):
        n, found, most = self.examples, self.detections, self.most
        there = ((n, most, 4), (n, most), (n, most), (n, most), (n,), (n,))
        shapes = ((n, found, 4), (n, found), (n, found), *there)
        return tuple(tf.zeros(shape) for shape in shapes)

    def measure(self, counts, names):
        boxes, classes, scores, true, labels, ignored, crowd, count, scale = (np.asarray(part) for part in counts)
        pictures = []
        for n in range(len(boxes)):
            real, m = scores[n] > 0, int(count[n])
            found = (boxes[n][real] / scale[n], classes[n][real].astype(int), scores[n][real])
            flags = (ignored[n][:m] > 0, crowd[n][:m] > 0)
            pictures.append(Picture(true[n][:m] / scale[n], labels[n][:m].astype(int), *found, *flags))
        by_class = voc(pictures, len(names))["classes"]
        return {
            "examples": len(pictures),
            **coco(pictures, len(names)),
            "voc_2007": voc(pictures, len(names), year=2007)["map"],
            "classes": {str(n): None if np.isnan(ap) else float(ap) for n, ap in zip(names, by_class, strict=True)},
            "mistakes": mistakes.count(pictures),
            "curves": {
                str(name): None if found is None else found.round(4).tolist()
                for name, found in zip(names, precisions(pictures, len(names)), strict=True)
            },
        }

    def survey(self, targets, names):
        return coverage.survey(targets, names, self.anchors(), self.recipe.input_shape)

    def anchors(self):
        """The boxes [N, 4] that the network starts from; None where it has none."""
        return None

    def counted(self, target):
        self.examples, self.most = target["boxes"].shape[:2]
        return target | {"number": tf.range(self.examples, dtype=tf.int64)}

    def draw(self, metrics, names, folder, title):
        plots.bars(metrics["classes"], folder / "classes.png", title, "average precision at .5")
        plots.precision_recall(metrics["curves"], folder / "precision_recall.png", f"{title}, overlap .5")
        plots.counts(metrics["mistakes"], folder / "mistakes.png", title, "boxes of score .5 or more")
