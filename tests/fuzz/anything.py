"""Generated arguments and files: each case works or raises one line, and no model is half-loaded.

`python -m tests.fuzz.anything 10000` tries so many, with seed 0: arguments of `build`, `load_weights`, `train`,
`data.load` and `load_arrays`; folders, tables, pictures, run folders, config.json and model files that are damaged.
"""

import json
import os
import random
import shutil
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path

import numpy as np
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from PIL import Image

import keras_cnns
from keras_cnns.data import load, load_arrays, read_picture
from keras_cnns.data.sources.folder import open_folder
from keras_cnns.saving.card import read_card
from keras_cnns.support.errors import UserError
from keras_cnns.training import Recipe, run_folder, train
from tests.data import kinds
from tests.weights import torch_written
from tests.weights.test_damaged_files import accidents, damaged, safetensors

SMALL = {"input_shape": (64, 64, 3), "classes": 5}


def junk():
    """Anything at all."""
    plain = st.one_of(
        st.none(), st.booleans(), st.integers(-3, 300), st.floats(), st.text(max_size=6), st.binary(max_size=3)
    )
    held = (
        st.lists(plain, max_size=3) | st.dictionaries(st.text(max_size=3), plain, max_size=2) | st.tuples(plain, plain)
    )
    return plain | held | st.builds(object) | st.just(np.zeros((2, 2))) | st.just(len) | st.just(Path("x"))


def among(*values):
    """One of the values, or now and then anything."""
    chosen = st.sampled_from(range(len(values))).map(values.__getitem__)
    return st.integers(0, 9).flatmap(lambda n: junk() if n == 9 else chosen)


def some(**arguments):
    """A few of the arguments, the others left to their defaults."""
    return st.lists(st.sampled_from(sorted(arguments)), max_size=4, unique=True).flatmap(
        lambda names: st.fixed_dictionaries({name: arguments[name] for name in names})
    )


class World:
    """Files and models made once; cases of eight kinds are drawn from it."""

    def __init__(self, folder):
        self.folder = Path(folder)
        self.model = keras_cnns.build("squeezenet1_1", **SMALL)
        self.before = self.model.get_weights()
        state = torch_written.squeezenet()
        self.model.save(self.folder / "own.keras")
        self.model.save_weights(self.folder / "own.weights.h5")
        torch_written.save({"state_dict": state, "epoch": 3}, self.folder / "torch.pth")
        (self.folder / "hub").mkdir()
        (self.folder / "hub" / "model.safetensors").write_bytes(safetensors(state))
        (self.folder / "empty").mkdir()
        (self.folder / "text.pth").write_text("no weights")
        self.config = {
            "architecture": "resnet18",
            "num_classes": 5,
            "pretrained_cfg": {"mean": [0.5] * 3, "std": [0.5] * 3},
        }
        self.set = self.folder / "set"
        for k, name in enumerate("abc"):
            (self.set / name).mkdir(parents=True)
            for i in range(5):
                Image.new("RGB", (9, 9), (40 * k, 9 * i, 90)).save(self.set / name / f"{i}.png")
        self.kinds = {kind: data for kind, (data, *_) in kinds.kinds().items()}
        self.recipe = Recipe(
            "lenet5", dataset=f"folder:{self.set}", max_steps=1, batch_size=4, out=str(self.folder / "run")
        )
        train(self.recipe, quiet=True)
        self.run = {name: (self.folder / "run" / name).read_bytes() for name in ("recipe.json", "data.json")}

    def weights(self):
        at = self.folder
        sources = among(
            at / "own.keras", str(at / "own.weights.h5"), at / "torch.pth", at / "hub", at / "empty", at / "text.pth",
            at / "none.h5", f"file://{at}/own.keras", f"file://{at}/none", "keras", "imagenett", "", "s3://a/b",
            f"file://{at}/own.keras#sha256=00", "https://[::", "\0", str(at / "hub" / "model.safetensors"),
        )  # fmt: skip
        return st.tuples(st.just(self.load_weights), sources)

    def load_weights(self, source):
        if isinstance(source, str) and source == "keras":
            source = "timm"  # which publishes none of these, so that nothing is fetched
        keras_cnns.load_weights(self.model, source)

    def columns(self):
        arguments = some(
            weights=among(None, self.folder / "own.keras", self.folder / "torch.pth", self.folder / "hub", "nobody"),
            input_shape=among((64, 64, 3), (64, 64, 1), (None, None, 3), (8, 8, 3), (64, 64)),
            classes=among(5, 7, None, 0),
            include_top=among(True, False),
            pooling=among(None, "avg", "max", "min"),
            classifier_activation=among("softmax", None, "sofmax"),
            include_preprocessing=among(True, False, None),
            preprocessing=among("torch", "tf", "caffe", "none"),
            features_only=among(True, False),
            name=among(None, "mine", "a/b"),
        )
        return st.tuples(st.just(self.build), among("squeezenet1_1", "squeezenet", "lenet5"), arguments)

    def build(self, name, arguments):
        keras_cnns.build(name, **arguments)

    def data(self):
        names = among(
            f"folder:{self.set}", f"folder:{self.folder}", "folder:/none", str(self.set), "folder:", "nothing"
        )
        sizes = among(8, (8, 8), (8, 9), (0, 8), (8,))
        common = {
            "channels": among(1, 3, 2),
            "limit": among(None, 3, 100, 0),
            "skip_broken": among(0, 3),
            "data_dir": among(None, str(self.folder / "tfds")),
        }
        batches = some(
            split=among("train", "test", "validation", "none", "train[:2]"),
            batch_size=among(4, 1, 100, 0),
            training=among(None, True, False),
            augment=among(None, {"mirror": True}, {"pad": 2, "crop": "random"}, {"policy": "randaugment"}, {"x": 1}),
            seed=among(0, 3, -1, 2**40),
            start=among(0, 4, 3),
            shard=among((0, 1), (1, 2), (2, 2)),
            **common,
        )
        arrays = some(split=among("train", "test", "none"), crop=among("centre", "whole", "middle"),
                      crop_fraction=among(1.0, 0.875, 0), **common)  # fmt: skip
        return st.tuples(st.just(self.batch), names, sizes, batches) | st.tuples(
            st.just(self.arrays), names, sizes, arrays
        )

    def batch(self, name, size, arguments):
        result = load(name, size=size, **{"batch_size": 4, **arguments})
        count = arguments.get("batch_size", 4) // arguments.get("shard", (0, 1))[1]
        for image, *_ in result.dataset.take(1):
            assert np.isfinite(image).all() and image.shape[0] == count

    def arrays(self, name, size, arguments):
        images, labels, names = load_arrays(name, size=size, **arguments)
        assert len(images) == len(labels) > 0 and set(labels) <= set(range(len(names)))

    def recipes(self):
        r = self.recipe
        fields = some(
            model=among("lenet5", "simple_cnn", "lenet"), epochs=among(1, 0), batch_size=among(4, 2, 500),
            input_shape=among((32, 32, 3), (32, 32, 1), (4, 4, 3)), dataset=among(r.dataset, "folder:/none", "nothing"),
            optimizer=among("sgd", "adam", "adamm"), learning_rate=among(0.1, 1e-3, -1, float("nan")),
            schedule=among("cosine", "step", "none"), class_weights=among("none", "balanced", "even"),
            loss=among("cross_entropy", "focal", "mse"), precision=among("float32", "mixed_float16"),
            strategy=among("one", "auto", "tpu"), freeze=among("", "features", "until:", "until:C3", "all"),
            weights=among(None, str(self.folder / "own.keras"), str(self.folder / "run" / "model.keras"), "nobody"),
            overrides=among({}, {"width": 2}, {"activation": "relu"}), seed=among(0, 1), replicas=among(0, 1),
            augment=among({}, {"mirror": True}, {"crop": "none"}), ema=among(0.0, 0.9, 1.0), accumulate=among(1, 2, 3),
            layer_rates=among({}, {"C1": 0.1}, {"none": 2.0}), checkpoint_every=among(0, 1, -1),
        )  # fmt: skip
        return st.tuples(st.just(self.train), fields)

    def train(self, changes):
        out = self.folder / "drawn"
        shutil.rmtree(out, ignore_errors=True)
        values = {"model": "lenet5", "dataset": self.recipe.dataset, "max_steps": 1, "batch_size": 4, "strategy": "one"}
        result = train(Recipe(**values | changes | {"out": str(out)}), quiet=True)
        assert result.metrics["examples"] == 3

    def trees(self):
        words = ("train", "Test", "val", "cat", "dog", "images", ".git", "seg_train", "labels", "x")
        parts = st.lists(st.sampled_from(words), max_size=3)
        ends = st.sampled_from(("1.png", "2.png", "3.jpg", "a.txt", "labels.csv", "train.csv", ".DS_Store", "b.gif"))
        return st.tuples(st.just(self.tree), st.lists(st.tuples(parts, ends), max_size=14))

    def tree(self, files):
        root = self.folder / "tree"
        shutil.rmtree(root, ignore_errors=True)
        root.mkdir()
        for parts, name in files:
            place = root.joinpath(*parts)
            place.mkdir(parents=True, exist_ok=True)
            text = "file,class\n" + "".join(f"{'/'.join([*p, n])},{p[-1:]}\n" for p, n in files if n.endswith("png"))
            (place / name).write_bytes(text.encode() if name.endswith("csv") else self.kinds["PNG"])
        for split in ("train", "test", "validation"):
            source = open_folder(root, split)
            assert source.count == len(source.labels) > 0 and len(source.names) > 0

    def tables(self):
        good = "\n".join(f"{c}/{i}.png,{c}" for c in "abc" for i in range(5))
        texts = st.sampled_from(("", "file,class\n", "class;file\n")).flatmap(
            lambda head: st.tuples(accidents, st.just((head + good).encode()))
        )
        return st.tuples(st.just(self.table), texts)

    def table(self, drawn):
        accident, text = drawn
        path = self.set / "table.csv"
        path.write_bytes(damaged(text, *accident))
        try:
            source = open_folder(path, "train")
            assert source.count == len(source.labels) > 0
        finally:
            path.unlink()

    def pictures(self):
        shapes = among((8, 8, 3), (9, 5, 1), (8, 8, 4), (8, 8))
        how = some(crop=among("centre", "whole", "none"), crop_fraction=among(1.0, 0.5, 2))
        data = st.sampled_from(sorted(self.kinds)).flatmap(
            lambda kind: st.tuples(st.just(kind), st.lists(accidents, max_size=2))
        )
        return st.tuples(st.just(self.picture), data, shapes, how)

    def picture(self, drawn, shape, how):
        kind, happened = drawn
        data = self.kinds[kind]
        for accident in happened:
            data = damaged(data, *accident)
        assert read_picture(data, shape, **how).shape == tuple(shape)

    def folders(self):
        """Run folders, a hub's config.json and models whose small files are damaged."""
        config = json.dumps(self.config).encode()
        files = st.sampled_from(("recipe.json", "data.json", "config.json", "own.keras"))
        return st.tuples(st.just(self.damage), files, st.just(config), st.lists(accidents, min_size=1, max_size=2))

    def damage(self, name, config, happened):
        data = {**self.run, "config.json": config}.get(name) or (self.folder / name).read_bytes()
        for accident in happened:
            data = damaged(data, *accident)
        if name == "config.json":
            place = self.folder / "hub" / name
            place.write_bytes(data)
            try:
                keras_cnns.load_weights(self.model, self.folder / "hub")
            finally:
                place.unlink()
        elif name == "own.keras":
            (self.folder / "damaged.keras").write_bytes(data)
            read_card(self.folder / "damaged.keras")
        else:
            place = self.folder / "run" / name
            try:
                place.write_bytes(data)
                run_folder.check(self.recipe)
                run_folder.check_data(self.folder / "run", "abc", {"train": 12, "test": 3}, {"train": "x"})
            finally:
                place.write_bytes(self.run[name])

    KINDS = ("weights", "columns", "data", "trees", "tables", "pictures", "folders", "recipes")

    def cases(self, kind=None):
        return st.one_of(*(getattr(self, name)() for name in ((kind,) if kind else self.KINDS)))


def hold(world, case):
    """Does what was drawn: "well", "refused", or what it raised that is no line."""
    world.model.set_weights(world.before)
    random.seed(0)  # Keras draws names and seeds from it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            case[0](*case[1:])
        except UserError as error:
            text = str(error)
            assert text.strip() and "\n" not in text and "Traceback" not in text, text
            assert len(text) < 1500, text
            after = world.model.get_weights()
            assert all(np.array_equal(a, b) for a, b in zip(world.before, after, strict=True)), "loaded by half"
            return "refused"
    return "well"


def run(world, kind, count, start=0):
    """(outcome -> how often, {where something else was raised: the case}) of `count` cases of a kind."""
    outcomes, odd = Counter(), {}

    @seed(start)
    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(world.cases(kind))
    def tried(case):
        try:
            outcomes[hold(world, case)] += 1
        except Exception as error:
            outcomes["otherwise"] += 1
            where = traceback.extract_tb(error.__traceback__)[-1]
            odd.setdefault((type(error).__name__, where.filename, where.lineno), f"{case!r:.300}\n  {error!s:.300}")

    tried()
    return outcomes, odd


def main(count, kind=None, start=0):
    total = Counter()
    with tempfile.TemporaryDirectory() as folder:
        world = World(folder)
        os.environ["KERAS_CNNS_CACHE"] = str(world.folder / "cache")
        kinds = (kind,) if kind else World.KINDS
        for name in kinds:
            outcomes, odd = run(world, name, count // len(kinds), start)
            total += outcomes
            print(name, dict(outcomes), flush=True)
            for place, case in odd.items():
                print(place, case, sep="\n  ", flush=True)
    print(total.total(), "cases,", total["otherwise"], "otherwise")


if __name__ == "__main__":
    main(int(sys.argv[1]), *sys.argv[2:3], *map(int, sys.argv[3:4]))
