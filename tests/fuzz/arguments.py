"""Arguments as nobody should give them: each call ends well, or in one line.

    python -m tests.fuzz.arguments --count 2000 --seed 1

`export`, `quantization_aware`, both `predict` and the command with arguments drawn by hypothesis: sensible ones, ones
of the right kind and the wrong value, and anything at all. What ends in another way is printed.
"""

import argparse
import contextlib
import io
import json
import tempfile
from collections import Counter
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from keras import layers
from PIL import Image

from keras_cnns.cli import commands
from keras_cnns.inference.predict import predict as predict_pictures
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import SCHEMES, export, predict, quantization_aware
from tests.fuzz.sweep import one_child

SHAPE = (6, 6, 1)


class World:
    """Models, files and pictures, made once; every value a draw may name."""

    def __init__(self, folder):
        self.folder = Path(folder)
        keras.utils.set_random_seed(0)
        stack = [layers.Conv2D(2, 3), layers.ReLU(), layers.Flatten(), layers.Dense(3, activation="softmax")]
        net = keras.Sequential([keras.Input(SHAPE), *stack])
        a, b = keras.Input((3,), name="a"), keras.Input((3,), name="b")
        two = keras.Model([a, b], layers.Dense(2)(layers.Concatenate()([a, b])))
        many = keras.Model(a, [layers.Dense(2, name="one")(a), layers.Dense(1, name="two")(a)])
        net.save(self.folder / "net.keras")
        two.save(self.folder / "two.keras")
        self.file = self.folder / "kept.tflite"
        with contextlib.redirect_stdout(io.StringIO()):
            export(net, self.file)
        (self.folder / "text.keras").write_text("no model")
        (self.folder / "text.tflite").write_text("no model")
        (self.folder / "a folder.tflite").mkdir()
        for name, value in (("dark", 20), ("light", 220), ("grey", 120)):
            (self.folder / "d" / name).mkdir(parents=True)
            for i in range(4):
                Image.new("L", (6, 6), value + i).save(self.folder / "d" / name / f"{i}.png")
        (self.folder / "broken.png").write_bytes(b"\x89PNG\r\n")
        x = np.random.default_rng(0).uniform(0, 1, (24, *SHAPE)).astype("float32")
        self.x = x
        self.models = [net, two, many, self.folder / "net.keras", str(self.folder / "net.keras")]
        self.no_models = [self.folder / "text.keras", self.folder / "none.keras", self.folder, "lenet5", net.layers[0]]
        self.no_models += [keras.Sequential([layers.Dense(2)]), np.ones(3)]
        self.pictures = [x, x[:1], list(x), x[..., 0], x[:, :3], x * np.nan, x[:0], x.astype("U"), x.astype(object)]
        self.pictures += [x.astype("uint8"), {"image": x}, {"a": x[:, 0, 0, :]}, [x, x], (x, x), np.float32(1), x > 0.5]
        self.pictures += [
            tf.data.Dataset.from_tensor_slices((x, np.arange(24))).batch(8),
            tf.constant(x),
            f"folder:{folder}/d",
        ]
        self.pictures += [
            tf.data.Dataset.from_tensor_slices(x),
            [x[:8], x[8:]],
            [],
            {},
            "folder:/none",
            "digits?",
            range(3),
        ]
        self.pictures += [{"a": x[:, 0, :3, 0], "b": x[:, 1, :3, 0]}, [x[:, 0, :3, 0], x[:, 1, :3, 0]]]
        self.labels = [np.arange(24) % 3, list(range(3)) * 8, np.arange(24), np.ones(24), np.eye(3)[np.arange(24) % 3]]
        self.labels += [["a"] * 24, np.arange(23) % 3, -np.ones(24, int), np.zeros((24, 1), int)]


def junk():
    """Anything at all."""
    plain = st.one_of(
        st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=6), st.binary(max_size=3)
    )
    held = (
        st.lists(plain, max_size=3) | st.dictionaries(st.text(max_size=3), plain, max_size=2) | st.tuples(plain, plain)
    )
    return plain | held | st.builds(object) | st.just(np.zeros((2, 2))) | st.just(len)


def among(*values, anything=True):
    """One of the values (named by their place, so that a draw is small), or now and then anything."""
    chosen = st.sampled_from(range(len(values))).map(values.__getitem__)
    return st.integers(0, 9).flatmap(lambda n: junk() if anything and n == 9 else chosen)


def some(**arguments):
    """A few of the arguments, the others left to their defaults."""
    return st.lists(st.sampled_from(sorted(arguments)), max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: arguments[name] for name in names})
    )


def calls(world):
    """Kind of call -> strategy of (function, positional, named)."""
    w, types = world, among("float32", "int8", "uint8", "float16", "int32", "")
    schemes = among(*SCHEMES, "int8", "float32", "auto", "int9", "INT8")
    models = st.integers(0, 9).flatmap(lambda n: among(*(w.no_models if n < 3 else w.models)))
    targets = among("net.tflite", "deep/er/net.tflite", "net.txt", "a folder.tflite", "", "net.keras/net.tflite")
    targets = targets.map(lambda name: w.folder / "out" / name if isinstance(name, str) and "\0" not in name else name)
    exported = some(
        scheme=schemes,
        calibration=among(*[w.x] * 20, *w.pictures),
        images=among(*[w.x] * 20, *w.pictures),
        labels=among(*w.labels),
        input_type=types,
        output_type=types,
        batch=among(1, 2, None, 0, -1, "1", 1.5, True),
        preprocessing=among(layers.Rescaling(2.0), [layers.Rescaling(2.0)], [], layers.Rescaling, layers.Dense(2)),
        head=among("logits", "softmax", "argmax", "top_k", "sofmax"),
        k=among(1, 2, 5, 0, -1),
        islands=among((), ["ADD"], "ADD", ["NONE"], 3),
        engine=among("quantizer", "converter", "magic"),
        names=among(list("abc"), "abc", ["a"], (), 3),
        normalization=among(None, "mean", 3),
        card=among(None, "card", {}),
        max_drop=among(0.0, 0.01, 1.0, -1.0, "0.1"),
        force=st.booleans(),
    )
    aware = some(
        method=among("keras", "keras", "magic"),
        hold_statistics=among(True, False),
        momentum=among(0.9, 0.0, 1.0, -1.0, "0.9"),
        fold=among(True, False),
        pictures=among(*w.pictures),
        outputs=among("one", ["one"], 0, [0], [1, 0], "three", 7, [], ["one", "one"]),
    )
    files = among(*["d/dark/0.png", "d/light/1.png"] * 4, "broken.png", "none.png", "d", "text.keras").map(
        lambda name: str(w.folder / name) if isinstance(name, str) and "\0" not in name else name
    )
    pictures = st.integers(0, 9).flatmap(lambda n: junk() if n == 9 else st.lists(files, min_size=1, max_size=2))
    shown = some(
        top=among(*[1, 5] * 3, 0, -1, "2", 1.5), low=among(0.0, -1.0, 1.0, np.nan), high=among(1.0, 255.0, 2.0, "1")
    )
    opened = among(
        *[w.file, w.folder / "net.keras"] * 4,
        w.file,
        str(w.file),
        *(w.folder / n for n in ("net.keras", "two.keras", "text.tflite", "none.tflite", "d")),
    )
    return {
        "export": st.tuples(st.just(export), st.tuples(models, targets), exported),
        "quantization_aware": st.tuples(st.just(quantization_aware), st.tuples(models), aware),
        "predict": st.tuples(st.just(predict_pictures), st.tuples(opened, pictures), shown),
        "tflite.predict": st.tuples(
            st.just(predict), st.tuples(opened, among(*w.pictures)), some(threads=among(1, 2, 0, -1, "1"))
        ),
        "keras-cnns": st.tuples(st.just(command), st.tuples(words(w)), st.just({})),
    }


def words(w):
    """A line for the command."""
    word = st.sampled_from(["", "-1", "0", "1", "2", "x", "nan", "None", "true", "--", "digits", "folder:/none", "é"])
    file = st.sampled_from(
        [str(w.folder / n) for n in ("net.keras", "two.keras", "text.keras", "none.keras", "kept.tflite")]
    )
    flags = {
        "--scheme": st.sampled_from([*SCHEMES, "auto", "int9"]),
        "--dataset": st.sampled_from([f"folder:{w.folder}/d", f"{w.folder}/d", "folder:", "nothing"]),
        "--pictures": word,
        "--input-type": st.sampled_from(["uint8", "int8", "float32", "x"]),
        "--output-type": word,
        "--batch": word,
        "--head": st.sampled_from(["logits", "softmax", "argmax", "top_k", "x"]),
        "--max-drop": word,
        "--engine": st.sampled_from(["quantizer", "converter", "x"]),
        "--out": st.sampled_from([str(w.folder / "out.tflite"), str(w.folder / "out.txt"), str(w.folder)]),
        "--nonsense": word,
    }
    looked = {"--model": file, "--top": word, "--pixels": st.tuples(word, word).map("|".join), "--nonsense": word}

    def line(start, known):
        single = st.sampled_from(sorted(known)).flatmap(lambda f: st.tuples(st.just(f), known[f]))
        many = st.lists(single, max_size=3, unique_by=lambda pair: pair[0])
        rest = st.sampled_from([[], ["--json"], ["--force"]])
        picture = st.sampled_from([str(w.folder / "d/dark/0.png"), str(w.folder / "none.png"), str(w.folder)])
        first = file if start == "export" else picture
        return st.tuples(first, many, rest).map(
            lambda t: [start, t[0], *(part for f, v in t[1] for part in (f, *v.split("|"))), *t[2]]
        )

    return line("export", flags) | line("predict", looked)


def command(line):
    """`keras-cnns LINE` in this process; its standard error where it ends in a mistake."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        try:
            commands.main(line)
        except SystemExit as end:
            code = end.code
    if code not in (0, None) and "Traceback" in err.getvalue():
        raise AssertionError(err.getvalue())


def shown(value):
    """A value in a few words."""
    if isinstance(value, np.ndarray):
        return f"array{value.shape} {value.dtype}"
    if isinstance(value, (list, tuple)) and len(value) < 12:
        return f"[{', '.join(map(shown, value))}]"
    return " ".join(repr(value).split())[:80]


def ended(function, positional, named):
    """ "done", "refused" (in one line), or what else it ended in."""
    try:
        function(*positional, **named)
    except UserError as error:
        return "refused" if str(error).strip() and "\n" not in str(error) else f"no line: {str(error)[:200]!r}"
    except Exception as error:  # what is looked for
        return f"{type(error).__name__}: {' '.join(str(error).split())[:160]}"
    return "done"


def run(kind, strategy, count, number=0):
    """(outcome -> how often, {what a call ended in: the call}) of `count` draws with the seed `number`."""
    outcomes, results = Counter(), {}

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(strategy)
    def one(call):
        function, positional, named = call
        end = ended(function, positional, named)
        outcomes[end if end in ("done", "refused") else "raised"] += 1
        if end not in ("done", "refused"):
            results.setdefault(
                end, f"{kind}({', '.join(map(shown, positional))}, {shown(sorted(named.items(), key=str))})"
            )

    one()
    return outcomes, results


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("kinds", nargs="*", help="export, quantization_aware, predict, tflite.predict, keras-cnns")
    parser.add_argument("--count", type=int, default=200, help="draws of each kind")
    parser.add_argument("--seed", type=int, default=0)
    flags = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, one_child():
        every = calls(World(folder))
        for kind in flags.kinds or every:
            outcomes, result = run(kind, every[kind], flags.count, flags.seed)
            print(json.dumps({"kind": kind, "seed": flags.seed, **outcomes}), flush=True)
            for end, call in result.items():
                print(f"  {end}\n    {call}", flush=True)


if __name__ == "__main__":
    main()
