"""Times a detector's training step, and how much of it the backbone takes.

    python benchmarks/detection.py --model faster_rcnn --size 320 --batch 2

Three candidates take turns, a few training steps each, on the same synthetic scenes in memory:

- the detector as it is trained;
- its layers alone, without proposals and their matching: the heads get as many boxes as in training, always the same;
- its backbone alone, up to the levels that the detector uses, with all of its weights trained.

The medians are compared, in wall-clock time and in CPU time. Other work on the machine does not count in the latter.
"""

import argparse
import statistics
import time

import keras
import tensorflow as tf

import keras_cnns
from keras_cnns import tasks
from keras_cnns.registry.registry import entry
from keras_cnns.support.atomic_files import write_json
from keras_cnns.tasks.detection.two_stage.task import REGIONS
from keras_cnns.training import Recipe
from keras_cnns.training.distribute import strategy
from keras_cnns.training.optimizers import Optimizer
from keras_cnns.training.steps import Steps

STEPS = 2  # of a turn


class Squares:
    """Stands for a task whose loss is the mean square of all that `answer` gives."""

    logged = ("loss",)

    def __init__(self, answer):
        self.answer = answer

    def loss(self, model, image, target):
        inputs = keras.tree.flatten(self.answer(model, image))
        squares = [tf.reduce_mean(tf.square(x), range(1, len(x.shape))) for x in inputs]
        loss = tf.add_n([tf.reshape(x, [tf.shape(image)[0]]) for x in squares])
        return loss, {"loss": loss}


def turn(recipe, task, model, data):
    """A function that makes some steps of the trainer."""
    place = strategy("one")
    steps = Steps(recipe, task, place, model, Optimizer(recipe, model.trainable_variables), (), [], [])
    iterator, rates = iter(place.experimental_distribute_dataset(data.repeat())), tf.constant([recipe.learning_rate])

    def some():
        for _ in range(STEPS):
            steps.train(iterator, rates).numpy()

    return some


def candidates(recipe, data, classes):
    """Name -> a function that makes some steps."""
    task = tasks.of(recipe)
    model = task.network_for_training(classes)
    yield "detector", turn(recipe, task, model, data)

    task = tasks.of(recipe)  # it keeps the parts of one network
    model = task.network_for_training(classes)
    first, heads = task.parts
    side = recipe.input_shape[0]
    boxes = tf.random.stateless_uniform([recipe.batch_size, REGIONS, 2], [0, 0], 0, side / 2)
    boxes = tf.concat([boxes, boxes + side / 3], -1)

    def layers(model, image):
        level, *anchored = first(image, training=True)
        return [anchored, heads([level, boxes], training=True)]

    yield "its layers alone", turn(recipe, Squares(layers), model, data)

    row = entry(recipe.model).variant
    levels = keras_cnns.build(
        row.backbone, features_only=True, input_shape=recipe.input_shape, include_preprocessing=True, **row.columns
    )
    used = [levels.output[name] for name in getattr(row, "levels", (row.level,))]
    backbone = keras.Model(levels.input, used)
    yield "its backbone alone", turn(recipe, Squares(lambda model, x: model(x, training=True)), backbone, data)


def seconds(work):
    """Of one step: by the clock, and of all processors together."""
    began = time.perf_counter(), time.process_time()
    work()
    return (time.perf_counter() - began[0]) / STEPS, (time.process_time() - began[1]) / STEPS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="faster_rcnn")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--batch", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()

    recipe = Recipe(
        args.model,
        input_shape=(args.size, args.size, 3),
        batch_size=args.batch,
        dataset="scenes",
        learning_rate=1e-4,
    )
    loaded = tasks.of(recipe).load("train", args.batch)
    data = tf.data.Dataset.from_tensors(next(iter(loaded.dataset)))
    turns = dict(candidates(recipe, data, loaded.classes))
    for work in turns.values():
        work()  # traces
    times = {name: [] for name in turns}
    for _ in range(args.rounds):
        for name, work in turns.items():
            times[name].append(seconds(work))
    medians = {name: [statistics.median(each) for each in zip(*t, strict=True)] for name, t in times.items()}
    (clock, worked), (_, bare) = medians["detector"], medians["its backbone alone"]
    print(f"{args.model}, {args.size} px, batch {args.batch}: medians of {args.rounds} turns of {STEPS} steps")
    for name, result in medians.items():
        by_clock, by_processors = (1000 * value for value in result)
        print(f"  {name:20s} {by_clock:6.0f} ms, {by_processors:6.0f} ms of processors, {result[1] / worked:.2f}")
    print(f"  {args.batch / clock:.2f} pictures a second, {1 - bare / worked:.0%} of a step outside the backbone")
    if args.json:
        write_json(args.json, {"arguments": vars(args), "seconds": times, "medians": medians})


if __name__ == "__main__":
    main()
