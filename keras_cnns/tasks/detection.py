"""Detection in two stages: proposals and heads trained together, boxes measured. Ren et al. 2015, 1506.01497.

Both parts have Fast R-CNN's loss (1504.08083, equation 1): of the classes, and of the boxes where there is one. A
network that is given its proposals is trained for the heads' alone, and is given the objects' own boxes in evaluation.
"""

import numpy as np
import tensorflow as tf

from keras_cnns.geometry.boxes import encode
from keras_cnns.models.fast_rcnn import WEIGHTS, parts
from keras_cnns.registry.registry import entry
from keras_cnns.support import plots
from keras_cnns.tasks import coverage, mistakes, regions
from keras_cnns.tasks.average_precision import Picture, coco, precisions, voc
from keras_cnns.tasks.losses import smooth_l1
from keras_cnns.tasks.matching import IGNORED, match, sample
from keras_cnns.tasks.suppression import suppress
from keras_cnns.tasks.task import Task

ANCHORS, REGIONS = 256, 128  # of each picture that are trained on
PROPOSALS = 4  # times as many as in inference come out of suppression; the paper's are 2,000 and 300
BETA = 1 / 9  # of smooth L1 on the anchors' deltas, as in the authors' code
FOUND, THERE = ("boxes", "classes", "scores"), ("boxes", "classes", "ignored", "crowd", "count", "scale")


class Detection(Task):
    """A target is a dict: boxes float32 [B, most, 4], classes int32 [B, most], of which the first count int32 [B] are
    there, and number int64 [B], the sample's in the run: what is drawn by chance depends on it alone. For the rest see
    `data.load`."""

    target = "boxes"
    held_out: tuple = ("map", "map_50")
    score = "map"
    learned = "map_50"

    def __init__(self, recipe):
        super().__init__(recipe)
        self.proposes = entry(recipe.model).head.proposes
        anchors = ("anchor_loss", "anchor_box_loss") if self.proposes else ()
        self.logged = ("loss", *anchors, "class_loss", "box_loss")

    def load(self, split, batch_size, **more):
        data = super().load(split, batch_size, **more)
        if split == "test":
            self.examples, self.most = data.count, data.batches.element_spec[1]["boxes"].shape[1]
        return data

    def finish(self, classes):
        return None

    def network_for_training(self, classes):
        model = super().network_for_training(classes)
        self.parts, self.propose = parts(model), model.get_layer("proposals")  # or the input of that name
        self.detections = model.get_layer("detections").count
        return model

    def loss(self, model, image, target):
        first, heads = self.parts
        level, *anchored = first(image, training=True) if self.proposes else [first(image, training=True)]
        losses = [*self._proposal_losses(*anchored, target)] if self.proposes else []
        losses += self._losses_of_heads(heads, level, self._proposed(anchored, image, target), target)
        return self._summed(losses)

    def _summed(self, losses):
        whole = tf.add_n(losses)
        return whole, dict(zip(self.logged, (whole, *losses), strict=True))

    def _losses_of_heads(self, heads, level, proposed, target):
        chosen = self._regions(*proposed, target)
        return self._head_losses(*heads([level, chosen[0]], training=True), *chosen, target)

    def _proposal_losses(self, objectness, deltas, target):
        anchors = self.propose.anchors(objectness)

        def choose(one):
            options = {"low": 0.3, "high": 0.7, "force": True, "ignored": one["ignored"]}
            matches = match(anchors, one["boxes"], one["count"], **options)
            return matches, sample(matches, count=ANCHORS, positives=0.5, seed=self._seed(one["number"], 0))

        matches, chosen = tf.map_fn(choose, target, fn_output_signature=(tf.int32, tf.bool))
        batch = tf.shape(matches)[0]
        logits = tf.concat([tf.reshape(x, [batch, -1]) for x in tf.nest.flatten(objectness)], 1)
        deltas = tf.concat([tf.reshape(x, [batch, -1, 4]) for x in tf.nest.flatten(deltas)], 1)
        logits, deltas = tf.cast(logits, tf.float32), tf.cast(deltas, tf.float32)
        right = tf.cast(matches >= 0, tf.float32)
        boxes = tf.gather(target["boxes"], tf.maximum(matches, 0), batch_dims=1)
        wanted = encode(boxes, tf.broadcast_to(anchors, tf.shape(boxes)))
        by_class = tf.nn.sigmoid_cross_entropy_with_logits(right, logits)
        by_box = tf.reduce_sum(smooth_l1(deltas - wanted, BETA), -1)
        return _means(chosen, by_class, chosen & (matches >= 0), by_box)

    def _proposed(self, anchored, image, target):
        """(boxes [B, P, 4], bool [B, P]: whether there is one)."""
        if self.proposes:
            count = min(PROPOSALS * self.propose.count, self.propose.before)
            anchored = tf.nest.map_structure(tf.stop_gradient, anchored)
            return self.propose.propose(*anchored, image, count=count, suppress=suppress)

        def draw(one):
            return regions.proposed(one["boxes"], one["count"], tf.shape(image)[1:3], self._seed(one["number"], 0))

        return tf.map_fn(draw, target, fn_output_signature=(tf.float32, tf.bool))

    def _regions(self, boxes, there, target):
        """(boxes [B, R, 4], matches int32 [B, R]: the number of the box each is trained for or NOTHING, bool [B, R]:
        whether it is trained on), the boxes themselves among the proposals."""
        most = target["boxes"].shape[1]
        boxes = tf.concat([boxes, target["boxes"]], 1)
        there = tf.concat([there, tf.range(most)[None] < target["count"][:, None]], 1)

        def choose(one):
            boxes, there, truth = one
            options = {"low": 0.5, "high": 0.5, "ignored": truth["ignored"]}
            matches = match(boxes, truth["boxes"], truth["count"], **options)
            matches = tf.where(there, matches, IGNORED)
            chosen = sample(matches, count=REGIONS, positives=0.25, seed=self._seed(truth["number"], 1))
            _, numbers = tf.math.top_k(tf.cast(chosen, tf.int32), min(REGIONS, boxes.shape[0]))
            return tf.gather(boxes, numbers), tf.gather(matches, numbers), tf.gather(chosen, numbers)

        return tf.map_fn(choose, (boxes, there, target), fn_output_signature=(tf.float32, tf.int32, tf.bool))

    def _head_losses(self, scores, deltas, regions, matches, chosen, target):
        classes = scores.shape[-1] - 1
        number = tf.maximum(matches, 0)
        label = tf.gather(target["classes"], number, batch_dims=1)
        found = matches >= 0
        by_class = tf.nn.sparse_softmax_cross_entropy_with_logits(tf.where(found, label + 1, 0), scores)
        deltas = tf.reshape(deltas, [-1, tf.shape(label)[1], classes, 4])
        deltas = tf.gather(deltas, label, batch_dims=2)
        wanted = encode(tf.gather(target["boxes"], number, batch_dims=1), regions, WEIGHTS)
        by_box = tf.reduce_sum(smooth_l1(deltas - wanted), -1)
        return _means(chosen, by_class, chosen & found, by_box)

    def _seed(self, number, part):
        """For `sample`: of the run, the sample and the part."""
        return tf.stack([tf.cast(self.recipe.seed * 2 + part, tf.int64), number])

    def count(self, model, image, target, weight):
        found = model(image if self.proposes else [image, target["boxes"]], training=False)
        return self._placed(found, target, weight)

    def _placed(self, found, target, weight):
        """What was found and what is there, each at its sample's place, so that it may be added up."""
        share = weight > 0
        place = tf.boolean_mask(target["number"], share)[:, None]
        parts = [found[name] for name in FOUND] + [target[name] for name in THERE]
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
        anchors = None
        if self.proposes:
            maps = tf.nest.map_structure(lambda x: tf.zeros((1, *x.shape[1:])), self.parts[0].output[1])
            anchors = np.asarray(self.propose.anchors(maps))
        return coverage.survey(targets, names, anchors, self.recipe.input_shape)

    def counted(self, target):
        self.examples, self.most = target["boxes"].shape[:2]
        return target | {"number": tf.range(self.examples, dtype=tf.int64)}

    def draw(self, metrics, names, folder, title):
        plots.bars(metrics["classes"], folder / "classes.png", title, "average precision at .5")
        plots.precision_recall(metrics["curves"], folder / "precision_recall.png", f"{title}, overlap .5")
        plots.counts(metrics["mistakes"], folder / "mistakes.png", title, "boxes of score .5 or more")


def _means(chosen, by_class, found, by_box):
    """Both sums for each picture, over the number of those chosen; 0 where none is."""
    count = tf.maximum(tf.reduce_sum(tf.cast(chosen, tf.float32), 1), 1.0)
    return tuple(
        tf.reduce_sum(tf.where(where, values, 0.0), 1) / count
        for where, values in ((chosen, by_class), (found, by_box))
    )
