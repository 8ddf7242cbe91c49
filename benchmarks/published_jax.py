"""Trains a figure of published.py on a machine with a GPU and JAX but no TensorFlow; TensorFlow evaluates it.

    python benchmarks/published_jax.py pack resnet8_cifar 0 packed.npz --data-dir DATA    # machine with TensorFlow
    KERAS_BACKEND=jax python benchmarks/published_jax.py train packed.npz weights.npz     # machine with a GPU
    python benchmarks/published_jax.py judge resnet8_cifar 0 weights.npz --data-dir DATA  # machine with TensorFlow

Network, recipe, schedule and optimizer are those of the package and of Keras. The training step, shifts and mirroring
are written in JAX, and an epoch of them is compiled as one program. `judge` puts the weights into the run folder that
published.py would have made, and they are measured like any other. Only for recipes whose augmentation is at most
shifts and mirroring.
"""

import argparse
import json
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from keras_cnns.data.augment.settings import Augment
from keras_cnns.support.atomic_files import write_json, write_text
from keras_cnns.training.recipe import Recipe
from keras_cnns.training.schedules import schedule

TOGETHER = 500  # held-out pictures
WRITTEN = ("model", "overrides", "input_shape", "dataset", "augment", "label_smoothing", "optimizer", "momentum")
WRITTEN += ("epsilon", "learning_rate", "rate_batch", "schedule", "warmup_epochs", "decay_epochs", "decay_rate")
WRITTEN += ("weight_decay", "ema", "epochs", "batch_size", "batch_norm_momentum", "seed")


def pack(recipe, file):
    """Both splits as they are, uint8, and the recipe, in one file."""
    from keras_cnns.data import load_arrays

    side, channels = (28, 1) if "mnist" in recipe.dataset else (32, 3)
    of = {"size": side, "channels": channels, "data_dir": recipe.data_dir}
    (x, y, _), (held_out_x, held_out_y, _) = (load_arrays(recipe.dataset, split, **of) for split in ("train", "test"))
    np.savez_compressed(file, recipe=recipe.json(), x=x, y=y, held_out_x=held_out_x, held_out_y=held_out_y)


def optimizer_of(recipe, variables):
    """As keras_cnns.training.optimizers has it, which needs TensorFlow."""
    import keras

    if recipe.optimizer in ("sgd", "nesterov"):
        optimizer = keras.optimizers.SGD(0.1, recipe.momentum, nesterov=recipe.optimizer == "nesterov")
    elif recipe.optimizer == "adam":
        optimizer = keras.optimizers.Adam(0.1, epsilon=recipe.epsilon or 1e-7)
    else:
        optimizer = keras.optimizers.AdamW(0.1, epsilon=recipe.epsilon or 1e-7, weight_decay=recipe.weight_decay)
        optimizer.exclude_from_weight_decay(var_list=[v for v in variables if len(v.shape) < 2])
    optimizer.build(variables)
    return optimizer


def train(packed, file):
    """Trains what `pack` wrote, and writes weights, paths and history."""
    import jax
    import keras
    from jax import numpy as jnp

    import keras_cnns

    data = np.load(packed)
    recipe = Recipe.from_json(str(data["recipe"]))
    if unwritten := recipe.differs(Recipe(**{name: getattr(recipe, name) for name in WRITTEN})):
        raise SystemExit(f"not written in JAX here: {', '.join(unwritten)}")
    if replace(recipe.augment, pad=0, mirror=False) != Augment() or recipe.overrides.get("auxiliary"):
        raise SystemExit("only shifts and mirrored pictures are written in JAX here, and one output")
    if recipe.optimizer == "rmsprop" or recipe.schedule in ("plateau", "bit"):
        raise SystemExit(f"not written in JAX here: {recipe.optimizer} with schedule {recipe.schedule}")
    x, y, held_out_x, held_out_y = (jnp.asarray(data[name]) for name in ("x", "y", "held_out_x", "held_out_y"))
    classes, size, how, batch = int(y.max()) + 1, recipe.input_shape[:2], recipe.augment, recipe.batch_size
    keras.utils.set_random_seed(recipe.seed)
    shape = {"input_shape": recipe.input_shape, "classes": classes}
    model = keras_cnns.build(
        recipe.model, classifier_activation=None, include_preprocessing=True, **shape, **recipe.overrides
    )
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = recipe.batch_norm_momentum or layer.momentum
    optimizer = optimizer_of(recipe, model.trainable_variables)
    where = next(i for i, v in enumerate(optimizer.variables) if v is optimizer._learning_rate)
    decays = [
        recipe.weight_decay * (recipe.optimizer != "adamw") * (len(v.shape) > 1) for v in model.trainable_variables
    ]
    steps = len(x) // batch
    rate = schedule(recipe, steps, len(x))

    def sized(raw):
        raw = raw.astype(jnp.float32)
        same = raw.shape[1:3] == size
        return raw if same else jax.image.resize(raw, (len(raw), *size, raw.shape[-1]), "bilinear")

    def augmented(picture, key):
        u = jax.random.uniform(key, (3,))
        if how.pad:
            corner = (u[:2] * (2 * how.pad + 1)).astype(int)
            padded = jnp.pad(picture, [[how.pad] * 2, [how.pad] * 2, [0, 0]])
            picture = jax.lax.dynamic_slice(padded, (*corner, 0), picture.shape)
        return jnp.where(u[2] < 0.5, picture[:, ::-1], picture) if how.mirror else picture

    def loss(trainable, others, image, label):
        logits, others = model.stateless_call(trainable, others, image, training=True)
        target = jax.nn.one_hot(label, classes) * (1 - recipe.label_smoothing) + recipe.label_smoothing / classes
        value = -jnp.mean(jnp.sum(target * jax.nn.log_softmax(logits), -1))
        return value, (others, jnp.sum(jnp.argmax(logits, -1) == label))

    def step(x, y, state, inputs):
        (trainable, others, inner, averages, done), (numbers, learning_rate, key) = state, inputs
        image = jax.vmap(augmented)(sized(x[numbers]), jax.random.split(key, batch))
        result, gradients = jax.value_and_grad(loss, has_aux=True)(trainable, others, image, y[numbers])
        value, (others, right) = result
        gradients = [g + d * v if d else g for g, d, v in zip(gradients, decays, trainable, strict=True)]
        inner = [*inner[:where], learning_rate, *inner[where + 1 :]]
        trainable, inner = optimizer.stateless_apply(inner, gradients, trainable)
        done += 1
        share = 1 - jnp.minimum(recipe.ema, (1 + done) / (10 + done))
        now = [*trainable, *others]
        averages = [
            a - share * (a - v) if jnp.issubdtype(v.dtype, jnp.floating) else v
            for a, v in zip(averages, now, strict=True)
        ]
        return (trainable, others, inner, averages if recipe.ema else now, done), (value, right)

    @jax.jit
    def epoch(state, inputs, x, y):
        return jax.lax.scan(lambda state, inputs: step(x, y, state, inputs), state, inputs)

    @jax.jit
    def right_of(weights, x, y):
        def some(start):
            image, label = (jax.lax.dynamic_slice_in_dim(a, start, TOGETHER) for a in (x, y))
            logits, _ = model.stateless_call(weights[:trained], weights[trained:], sized(image), training=False)
            return jnp.sum(jnp.argmax(logits, -1) == label)

        return jax.lax.map(some, jnp.arange(0, len(x), TOGETHER)).sum()

    trained = len(model.trainable_variables)
    values = [v.value for v in [*model.trainable_variables, *model.non_trainable_variables]]
    state = (values[:trained], values[trained:], [v.value for v in optimizer.variables], values, jnp.zeros(()))
    orders, history = np.random.default_rng(recipe.seed), []
    for number in range(recipe.epochs):
        began = time.perf_counter()
        order = orders.permutation(len(x))[: steps * batch].reshape(steps, batch)
        rates = np.array([rate(number * steps + i) for i in range(steps)], np.float32)
        keys = jax.random.split(jax.random.fold_in(jax.random.key(recipe.seed), number), steps)
        state, (losses, right) = epoch(state, (order, rates, keys), x, y)
        row = {"epoch": number + 1, "step": (number + 1) * steps, "learning_rate": float(rates[-1])}
        row |= {"loss": float(losses.mean()), "accuracy": float(right.sum()) / (steps * batch)}
        row["held_out_accuracy"] = int(right_of(state[3], held_out_x, held_out_y)) / len(held_out_x)
        history.append(row | {"seconds": round(time.perf_counter() - began, 3)})
        print(history[-1], flush=True)
    for variable, value in zip([*model.trainable_variables, *model.non_trainable_variables], state[3], strict=True):
        variable.assign(value)
    weights = {f"{i:05d}": np.asarray(w.value) for i, w in enumerate(model.weights)}
    paths = json.dumps([w.path for w in model.weights])
    machine = f"{jax.devices()[0].device_kind}, JAX"
    np.savez(file, paths=paths, history=json.dumps(history), recipe=recipe.json(), machine=machine, **weights)


def judge(recipe, file):
    """The run folder of `recipe` with the weights in `file`; what they come to on the held-out pictures."""
    from keras_cnns.data import load
    from keras_cnns.tasks.base import recipe_model
    from keras_cnns.training import evaluate, run_folder

    result, folder = np.load(file), Path(recipe.out)
    if differing := recipe.differs(Recipe.from_json(str(result["recipe"]))):
        raise SystemExit(f"{file} was trained otherwise: {differing}")
    data = load(
        recipe.dataset, size=recipe.input_shape[:2], batch_size=TOGETHER, split="test", data_dir=recipe.data_dir
    )
    model = recipe_model.build(recipe, data.classes)
    if [w.path for w in model.weights] != json.loads(str(result["paths"])):
        raise SystemExit(f"{file} has the weights of another network")
    recipe_model.transfer(model.weights, [result[f"{i:05d}"] for i in range(len(model.weights))], model)
    history = json.loads(str(result["history"]))
    folder.mkdir(parents=True, exist_ok=True)
    run_folder.save_model(model, folder / "model.keras", recipe, data.names)
    run_folder.write_history(history, folder / "history.csv")
    write_text(folder / "recipe.json", recipe.json() + "\n")
    facts = {"parameters": model.count_params(), "steps": history[-1]["step"]}
    facts |= {"seconds": sum(row["seconds"] for row in history), "machine": str(result["machine"])}
    write_json(folder / "metrics.json", facts | evaluate([model], data))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("pack", "train", "judge"))
    parser.add_argument("given", nargs="+", help="see above")
    parser.add_argument("--data-dir", help="where tensorflow-datasets keeps its files")
    parser.add_argument("--out", default="runs/published")
    args = parser.parse_args()
    if args.what == "train":
        return train(*args.given)
    import published

    name, seed, file = args.given
    recipe = published.recipe_of(name, int(seed), args.data_dir, args.out)
    if args.what == "pack":
        return pack(recipe, file)
    judge(recipe, file)
    published.run(name, int(seed), args.data_dir, args.out)


if __name__ == "__main__":
    main()
