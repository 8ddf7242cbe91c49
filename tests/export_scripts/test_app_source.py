"""The generated Kotlin, Swift and Python sources: valid with hostile names, and right where they can be run here."""

import ast
import itertools
import runpy
from dataclasses import replace

import markdown_it
import numpy as np
import pytest
from PIL import Image

from keras_cnns.data.pictures import read_picture
from keras_cnns.export_scripts import app_facts as app_facts_module
from keras_cnns.export_scripts import app_source
from keras_cnns.export_scripts.app_facts import AppFacts, Tensor, app_facts
from keras_cnns.support.errors import BadArgument, UnsupportedModel, UserError
from tests.support.test_escaping import HOSTILE, kinds, parsed

INPUTS = {"float32": (0.0, 0), "uint8": (1.0, 0), "int8": (1.0, -128)}  # scale and zero point
SCORES = {"float32": (0.0, 0), "uint8": (1 / 256, 0), "int8": (1 / 256, -128)}


def facts(task="classifier", kind="float32", *, labels=("cat", "dog"), channels=3, class_map=False, **changes):
    """A file of 96 x 64 pixels with inputs and scores of one type."""
    n = len(labels)
    shape = {"classifier": (1, n), "detector": (1, 30), "segmenter": (1, 96, 64, n)}[task]
    outputs = {"scores": Tensor(0, kind, shape, *SCORES[kind])}
    if task == "detector":
        outputs = {"scores": Tensor(0, "float32", shape, 0.0, 0), "boxes": Tensor(1, "float32", (1, 30, 4), 0.0, 0)}
        outputs["classes"] = Tensor(2, "int32", (1, 30), 0.0, 0)
    if class_map:
        outputs["class_map"] = Tensor(1, kind, (1, 6, 4, n), *SCORES[kind])
    picture = Tensor(0, kind, (1, 96, 64, channels), *INPUTS[kind])
    crop = "centre" if task == "classifier" else "letterbox"
    scale = ((0.0,) * channels, (1.0,) * channels)
    values = AppFacts("net", "net.tflite", task, picture, outputs, tuple(labels), *scale, crop, 1.0)
    return replace(values, **changes)


EVERY = [facts(task, kind) for task, kind in itertools.product(("classifier", "detector", "segmenter"), INPUTS)]
EVERY += [facts(kind=kind, class_map=True, channels=1, crop="whole") for kind in INPUTS]
EVERY += [
    facts(mean=(127.5,) * 3, std=(127.5,) * 3),
    facts(crop_fraction=0.875),
    facts(labels=[str(n) for n in range(2500)]),
]
EVERY += [facts(task, labels=HOSTILE, name=name) for task in ("classifier", "segmenter") for name in HOSTILE[:12]]
EVERY += [facts("detector", labels=HOSTILE, file=f"{name}.tflite") for name in HOSTILE if "/" not in name]


@pytest.mark.parametrize(("platform", "language"), [("android", "kotlin"), ("ios", "swift")])
def test_kotlin_and_swift_are_valid(platform, language):
    for example in EVERY:
        root = parsed(language, app_source.source(example, platform))
        named = [child.type for child in root.named_children if "comment" not in child.type]
        assert named.count("class_declaration") == 2 + (language == "swift") - (example.task != "detector")


def test_no_label_becomes_code():
    """With hostile names, the program has the shape it has with harmless ones."""
    for task in ("classifier", "detector", "segmenter"):
        harmless = facts(task, labels=[f"label {n}" for n in range(len(HOSTILE))])
        hostile = replace(harmless, labels=tuple(HOSTILE), name=HOSTILE[3], file='a"${b}`*.tflite')
        for platform, language in (("android", "kotlin"), ("ios", "swift")):
            harmless_kinds, hostile_kinds = (
                [
                    kind
                    for kind in kinds(parsed(language, app_source.source(example, platform)))
                    if not {"string", "str", "escape", "character", "comment"} & set(kind.split("_"))
                ]
                for example in (harmless, hostile)
            )
            assert harmless_kinds == hostile_kinds
        trees = [ast.dump(_without_strings(app_source.source(example, "python"))) for example in (harmless, hostile)]
        assert trees[0] == trees[1]


def _without_strings(source):
    tree = ast.parse(source)
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            node.value = ""
    return tree


def test_python_keeps_the_names():
    for example in EVERY:
        values = {
            node.targets[0].id: node.value
            for node in ast.parse(app_source.source(example, "python")).body
            if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
        }
        assert ast.literal_eval(values["LABELS"]) == list(example.labels)


def test_the_markdown_page_has_two_blocks_of_code():
    for example in EVERY:
        tokens = markdown_it.MarkdownIt().parse(app_source.page(example))
        assert [token.info for token in tokens if token.type == "fence"] == ["kotlin", "swift"]
        assert [token.tag for token in tokens if token.type == "heading_open"] == ["h1", "h2", "h2"]


def test_every_class_is_named():
    source = app_source.source(facts(labels=("one", "two", "three", "four")), "android")
    assert all(f'"{name}"' in source for name in ("one", "two", "three", "four"))


@pytest.mark.parametrize(
    ("kind", "kotlin", "swift"),
    [
        ("float32", "buffer.putFloat((Color.red(colour)).toFloat())", "values.append(Float(bytes[pixel]))"),
        (
            "uint8",
            "buffer.put((Color.red(colour)).toByte())",
            "UInt8(max(0, min(255, (Float(bytes[pixel])).rounded())))",
        ),
        ("int8", "buffer.put((Color.red(colour) - 128).toByte())", "(Float(bytes[pixel]) - 128.0)).rounded())"),
    ],
)
def test_a_pixel_becomes_what_the_file_takes(kind, kotlin, swift):
    assert kotlin in app_source.source(facts(kind=kind), "android")
    assert swift in app_source.source(facts(kind=kind), "ios")


def exported(folder, task, kind="float32", explain=None):
    """A small network with random weights as a file, with its labels."""
    import keras

    from keras_cnns.saving.card import Card
    from keras_cnns.testing import pictures, randomize
    from keras_cnns.tflite import export

    image = keras.Input((24, 16, 3), name="image")
    x = keras.layers.Conv2D(8, 3, padding="same", activation="relu")(keras.layers.Rescaling(1 / 255)(image))
    if task == "classifier":
        x = keras.layers.Dense(3, "softmax")(keras.layers.GlobalAveragePooling2D()(x))
    else:
        x = keras.layers.Conv2D(3, 1)(x)
    model = randomize(keras.Model(image, x, name="net"))
    images = 255 * pictures(20, (24, 16, 3))
    options = {"scheme": "float32"} if kind == "float32" else {"scheme": "int8", "input_type": kind}
    source = {"recipe": {"augment": {"crop": "centre", "crop_fraction": 0.75}}}
    card = Card("net", ("a\nb", '"c"', "d"), source)
    path = folder / "net.tflite"
    return export(model, path, calibration=images, card=card, explain=explain, force=True, **options).path


@pytest.fixture
def photograph(tmp_path):
    rng = np.random.default_rng(0)
    coarse = Image.fromarray(rng.integers(0, 256, (8, 10, 3), np.uint8))
    coarse.resize((60, 50), Image.Resampling.BICUBIC).save(tmp_path / "a.png")
    return tmp_path / "a.png"


@pytest.mark.parametrize("kind", ["float32", "uint8"])
def test_the_python_script_answers_as_the_package_does(tmp_path, photograph, kind, capsys):
    from keras_cnns.inference.predict import predict

    path = exported(tmp_path, "classifier", kind)
    script = runpy.run_path(str(app_source.write(path, "python")))
    image = script["open_picture"](photograph)
    own = script["classify"](script["load"](), image)
    (answer,) = predict(path, photograph)
    assert [label for label, _ in own] == [label for label, _ in answer["classes"]]
    assert np.allclose([score for _, score in own], [score for _, score in answer["classes"]], atol=0.01)
    seen = read_picture(photograph, (24, 16, 3), crop_fraction=0.75)
    assert np.abs(np.asarray(script["framed"](image), float) - seen).mean() < 3


def test_the_python_script_of_a_segmenter(tmp_path, photograph):
    from keras_cnns.inference.predict import predict

    script = runpy.run_path(str(app_source.write(exported(tmp_path, "segmenter"), "python")))
    classes = script["segment"](script["load"](), script["open_picture"](photograph))
    (answer,) = predict(tmp_path / "net.tflite", photograph)
    assert classes.shape == (50, 60)
    for label, share in answer["classes"]:
        assert abs((classes == script["LABELS"].index(label)).mean() - share) < 0.02


def test_the_facts_of_a_file_with_a_class_map(tmp_path):
    known = app_facts(exported(tmp_path, "classifier", "int8", explain="cam"))
    assert (known.task, known.labels, known.crop_fraction) == ("classifier", ("a\nb", '"c"', "d"), 0.75)
    assert known.input.type == "int8" and set(known.outputs) == {"scores", "class_map"}
    assert {known.outputs["scores"].index, known.outputs["class_map"].index} == {0, 1}


def test_a_scaling_outside_of_the_network_is_in_the_code(tmp_path):
    """MediaPipe's normalization in the metadata: black is -1 and white 1."""
    import keras

    from keras_cnns.testing import pictures, randomize
    from keras_cnns.tflite import export

    image = keras.Input((8, 8, 3))
    model = randomize(
        keras.Model(image, keras.layers.Dense(2, "softmax")(keras.layers.GlobalAveragePooling2D()(image)))
    )
    path = export(model, tmp_path / "net.tflite", images=2 * pictures(8, (8, 8, 3)) - 1, force=True).path
    known = app_facts(path)
    assert np.allclose(known.mean, 127.5) and np.allclose(known.std, 127.5)


def test_other_files_have_no_code(tmp_path):
    import keras

    from keras_cnns.tflite import export

    image = keras.Input((8, 8, 3))
    path = export(keras.Model(image, keras.layers.Conv2D(2, 3)(image)), tmp_path / "map.tflite", force=True).path
    assert app_source.write(path) is None
    with pytest.raises(UnsupportedModel, match="not a classifier"):
        app_source.write(path, "android")
    with pytest.raises(BadArgument, match="android"):
        app_source.write(path, "andriod")


PICTURE = Tensor(0, "float32", (1, 8, 8, 3), 0.0, 0)


@pytest.mark.parametrize(("shape", "kind"), [((1, 3), "float32"), ((3,), "float32"), ((1, 2, 2, 3), "bool")])
def test_an_output_that_is_only_called_a_class_map_is_left_out(shape, kind):
    outputs = {"scores": Tensor(0, "float32", (1, 3), 0.0, 0), "class_map": Tensor(1, kind, shape, 0.0, 0)}
    assert app_facts_module._task(PICTURE, outputs)[1].keys() == {"scores"}
    outputs["class_map"] = Tensor(1, "float32", (1, 2, 2, 3), 0.0, 0)
    assert app_facts_module._task(PICTURE, outputs)[1].keys() == {"scores", "class_map"}


@pytest.mark.parametrize(
    ("boxes", "classes", "scores"), [((4,), (1, 5), (1, 5)), ((1, 3, 4), (1, 5), (1, 5)), ((1, 5, 4), (1, 5), ())]
)
def test_outputs_that_are_only_called_those_of_a_detector_have_no_code(boxes, classes, scores):
    shapes = {"boxes": boxes, "classes": classes, "scores": scores}
    outputs = {name: Tensor(n, "float32", shape, 0.0, 0) for n, (name, shape) in enumerate(shapes.items())}
    assert app_facts_module._task(PICTURE, outputs) == (None, {})


def test_a_script_of_somebody_elses_is_not_replaced(tmp_path):
    """`keras-cnns export train.keras --app python` would write train.py."""
    path = exported(tmp_path, "classifier", "float32")
    for platform in ("python", "android", "ios", None):
        written = app_source.write(path, platform)
        assert app_source.write(path, platform) == written  # its own files are
        written.write_text("import keras_cnns\n")
        with pytest.raises(UserError, match=f"{written.name} is there, and keras_cnns did not generate it"):
            app_source.write(path, platform)
        assert written.read_text() == "import keras_cnns\n"
