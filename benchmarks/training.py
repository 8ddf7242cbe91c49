"""Times a training step of this package's trainer, of Keras's `fit` and of torch, and of two replicas.

    python benchmarks/training.py --model mobilenet_v2 --size 96 --batch 32 --json training.json

The candidates take turns, a few steps each, so that other work on the machine affects all of them. The medians are
compared. All train on the same random pictures in memory, with SGD and momentum. "keras fit" uses Keras's default for
XLA, which is off on CPUs in Keras 3.12 to 3.15; `--xla` adds a candidate with XLA, which is slow to compile. torch
(channels last) takes part if torchvision is installed and has the network.
"""

import argparse
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

import keras_cnns
from keras_cnns import tasks
from keras_cnns.support.atomic_files import write_json
from keras_cnns.tasks.base import recipe_model
from keras_cnns.training import Recipe
from keras_cnns.training.distribute import logical_cpus, strategy
from keras_cnns.training.optimizers import Optimizer
from keras_cnns.training.steps import Steps

CLASSES = 10
STEPS = 5  # of a turn


def ours(recipe, data, replicas):
    """The trainer's step, on one device or mirrored over logical CPUs; the batch is the same in total."""
    place = strategy("mirrored" if replicas > 1 else "one", replicas=replicas)
    with place.scope():
        model = recipe_model.build_for_training(recipe, CLASSES)
        optimizer = Optimizer(recipe, model.trainable_variables)
    steps = Steps(recipe, tasks.of(recipe), place, model, optimizer, range(CLASSES), [], [])
    iterator = iter(place.experimental_distribute_dataset(data.repeat()))
    rates = tf.constant([recipe.learning_rate])

    def some():
        for _ in range(STEPS):
            steps.train(iterator, rates).numpy()

    return some


def keras_fit(recipe, data, xla):
    """A call of `model.fit` with as many batches as a turn has steps."""
    model = keras_cnns.build(recipe.model, input_shape=recipe.input_shape, classes=CLASSES, include_preprocessing=True)
    optimizer = keras.optimizers.SGD(recipe.learning_rate, momentum=0.9)
    model.compile(optimizer, "sparse_categorical_crossentropy", **xla)
    return lambda: model.fit(data.repeat(STEPS), shuffle=False, verbose=0)


def torch_step(recipe, images, labels):
    """torchvision's network of the same name, channels last; None where there is none."""
    try:
        import torch
        import torchvision
    except (ImportError, RuntimeError):  # not there, or not made for this torch
        return None
    if not hasattr(torchvision.models, recipe.model):
        return None
    model = getattr(torchvision.models, recipe.model)(num_classes=CLASSES).to(memory_format=torch.channels_last)
    optimizer = torch.optim.SGD(model.parameters(), recipe.learning_rate, momentum=0.9)
    x = torch.from_numpy(images / 127.5 - 1).permute(0, 3, 1, 2).contiguous(memory_format=torch.channels_last)
    y = torch.from_numpy(labels)

    def some():
        for _ in range(STEPS):
            optimizer.zero_grad()
            torch.nn.functional.cross_entropy(model(x), y).backward()
            optimizer.step()

    return some


def seconds(turn):
    """Of one step."""
    began = time.perf_counter()
    turn()
    return (time.perf_counter() - began) / STEPS


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="mobilenet_v2")
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--xla", action="store_true")
    parser.add_argument("--json", help="write the figures here")
    args = parser.parse_args()

    logical_cpus(2)
    recipe = Recipe(args.model, input_shape=(args.size, args.size, 3), batch_size=args.batch, learning_rate=0.01)
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (args.batch, args.size, args.size, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, args.batch)
    data = tf.data.Dataset.from_tensors((images, labels))
    candidates = {
        "trainer": ours(recipe, data, 1),
        "trainer, 2 replicas": ours(recipe, data, 2),
        "keras fit": keras_fit(recipe, data, {}),
        "keras fit, XLA": keras_fit(recipe, data, {"jit_compile": True}) if args.xla else None,
        "torch": torch_step(recipe, images, labels),
    }
    candidates = {name: turn for name, turn in candidates.items() if turn}
    for turn in candidates.values():
        turn()  # compiles
    times = {name: [] for name in candidates}
    for _ in range(args.rounds):
        for name, turn in candidates.items():
            times[name].append(seconds(turn))
    medians = {name: statistics.median(t) for name, t in times.items()}
    print(f"{args.model}, {args.size} px, batch {args.batch}: median of {args.rounds} turns of {STEPS} steps")
    for name, median in medians.items():
        print(f"  {name:22s} {1000 * median:8.0f} ms   {median / medians['trainer']:6.2f} x the trainer's")
    if args.json:
        write_json(args.json, {"arguments": vars(args), "seconds": times, "medians": medians})


if __name__ == "__main__":
    main()
