"""A one-stage detector whose boxes MediaPipe's ObjectDetector decodes: outputs, metadata, and the task itself."""

import keras
import numpy as np
import pytest
from flatbuffers.table import Table

import keras_cnns
from keras_cnns.blocks.dense_heads import trained_part
from keras_cnns.support.errors import UserError
from keras_cnns.tflite import Ends, Exporter, export
from keras_cnns.tflite.file import detector_metadata
from keras_cnns.tflite.file.detector_metadata import Decoding
from keras_cnns.tflite.file.metadata import Normalization
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.rewrite.raw_boxes import decoding, head_of, raw_boxes
from keras_cnns.tflite.targets.table import find

SIZE = (96, 128, 3)
OVERLAP = 0.3  # at which MediaPipe suppresses a box
LEAST = 0.3
SMALL = {
    "yolox": {"backbone": "csp_darknet", "columns": {"depth": 0.33, "width": 0.125}, "depth": 0.33, "width": 0.125},
    "ssdlite": {"backbone": "mobilenet_v2", "columns": {"width": 0.35}},
    "retinanet": {"backbone": "resnet18", "columns": {}, "width": 16, "depth": 1},
}


def pictures():
    blocks = np.random.default_rng(0).uniform(0, 255, (2, SIZE[0] // 8, SIZE[1] // 8, 3))
    return np.rint(blocks.repeat(8, 1).repeat(8, 2)).astype("float32")


def detector(name):
    """A network whose random weights give boxes of many sizes and scores on both sides of one half."""
    keras.utils.set_random_seed(0)
    row = {"least": LEAST, "overlap": OVERLAP, "detections": 100, **SMALL[name]}
    model = keras_cnns.build(name, input_shape=SIZE, classes=1, **row)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            layer.momentum = 0.0
    part = trained_part(model)
    part([pictures()], training=True)
    scores, deltas, _ = part([pictures()], training=False)
    scores, objectness = scores if isinstance(scores, list) else (scores, None)
    wanted = (("class_scores", 1.5, scores), ("box_deltas", 0.3, deltas), ("objectness", 1.5, objectness))
    for word, spread, values in wanted:
        for layer in model.layers:
            if word in layer.name and layer.weights and isinstance(layer, keras.layers.Conv2D):
                layer.kernel.assign(layer.kernel * spread / np.std(values))
                layer.bias.assign(layer.bias * 0)
    return model


@pytest.fixture(scope="module")
def yolox():
    return detector("yolox")


def decoded(location, decoding):
    """Boxes (x1, y1, x2, y2) in pixels, as MediaPipe's calculator computes them."""
    anchors, (sx, sy, sw, sh) = decoding.anchors, decoding.scales
    y, x, h, w = np.moveaxis(np.asarray(location, "float64"), -1, 0)
    centre_x, centre_y = x / sx * anchors[:, 2] + anchors[:, 0], y / sy * anchors[:, 3] + anchors[:, 1]
    width, height = np.exp(w / sw) * anchors[:, 2], np.exp(h / sh) * anchors[:, 3]
    corners = (centre_x - width / 2, centre_y - height / 2, centre_x + width / 2, centre_y + height / 2)
    return np.stack(corners, -1) * [SIZE[1], SIZE[0], SIZE[1], SIZE[0]]


def clipped(boxes):
    return np.clip(boxes, 0, [SIZE[1], SIZE[0], SIZE[1], SIZE[0]])


def check_decoding(model):
    """Each object that the model finds is a row of the raw outputs, decoded."""
    raw, rule = raw_boxes(model)(pictures()), decoding(model)
    objects = model(pictures())
    for number in range(len(pictures())):
        boxes = clipped(decoded(raw["location"][number], rule))
        found = np.asarray(objects["scores"][number]) > 0
        assert found.sum() > 5
        for box, score in zip(objects["boxes"][number][found], objects["scores"][number][found], strict=True):
            row = np.abs(np.asarray(raw["score"][number])[:, 0] - score).argmin()
            np.testing.assert_allclose(raw["score"][number][row], score, atol=1e-5)
            np.testing.assert_allclose(boxes[row], box, atol=1e-2)


def test_objects_are_rows_of_the_raw_outputs(yolox):
    check_decoding(yolox)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ssdlite", "retinanet"])
def test_objects_of_the_other_detectors_are_rows_of_their_raw_outputs(name):
    check_decoding(detector(name))


def test_the_options_hold_the_anchors_and_what_is_divided_by():
    rule = Decoding(np.array([[0.1, 0.2, 0.3, 0.4], [0.5, 0.6, 0.7, 0.8]], "float32"), (10.0, 10.0, 5.0, 5.0), 3)
    data = bytearray(detector_metadata.options(rule))
    assert data[4:8] == b"V001"
    root = Table(data, int.from_bytes(data[:4], "little"))
    anchors = _field(_field(_field(root, 1), 0), 0, vector=True)
    np.testing.assert_array_equal([[_number(a, i) for i in range(4)] for a in anchors], rule.anchors)
    options = _field(root, 2)
    counts = [_number(options, i, "i4") for i in range(6)]
    assert counts == [3, 2, 4, 0, 0, 2]
    assert [_number(options, i) for i in range(6, 10)] == [10.0, 10.0, 5.0, 5.0]


def _field(table, number, vector=False):
    offset = table.Offset(4 + 2 * number)
    if not vector:
        return Table(table.Bytes, table.Indirect(table.Pos + offset))
    start = table.Vector(offset)
    return [Table(table.Bytes, table.Indirect(start + 4 * i)) for i in range(table.VectorLen(offset))]


def _number(table, number, kind="f4"):
    offset = table.Offset(4 + 2 * number)
    return np.frombuffer(table.Bytes, f"<{kind}", 1, table.Pos + offset)[0].item() if offset else 0


def test_only_a_target_that_decodes_boxes_gets_them_raw(yolox):
    assert head_of(yolox, None, wanted=False) == (None, None)
    assert head_of(yolox, None, wanted=True)[0] == "raw_boxes"
    assert find("mediapipe").rewrites().raw_boxes
    assert not find("openvino").rewrites().raw_boxes


def test_other_networks_have_no_raw_boxes():
    classifier = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    assert head_of(classifier, None, wanted=True) == (None, None)
    with pytest.raises(UserError, match="not a detector in one stage"):
        Exporter(classifier, ends=Ends(head="raw_boxes"))


@pytest.mark.slow
@pytest.mark.parametrize("scheme", ["float32", "int8"])
def test_the_file_has_one_subgraph_and_what_mediapipe_asks_for(yolox, scheme, tmp_path):
    file = made(yolox, scheme, tmp_path)
    contents = read_contents(file)
    assert [finding for finding in find("mediapipe").findings(contents) if finding.severity == "error"] == []
    assert list(contents.outputs) == ["location", "score"]
    assert {tensor.type for tensor in contents.outputs.values()} == {"FLOAT32"}


@pytest.mark.slow
@pytest.mark.parametrize("name", SMALL)
def test_mediapipe_decodes_the_boxes_of_the_network(name, tmp_path):
    """MediaPipe suppresses boxes as they are, the network after they are limited to the picture: repeated here."""
    pytest.importorskip("mediapipe")
    model = detector(name)
    found, raw, rule = answers(made(model, "float32", tmp_path)), raw_boxes(model)(pictures()), decoding(model)
    for number, (boxes, scores) in enumerate(found):
        expected_boxes = decoded(raw["location"][number], rule)
        expected_scores = np.asarray(raw["score"][number])[:, 0]
        kept = suppressed(expected_boxes, expected_scores)
        assert len(kept) > 5 and abs(len(scores) - len(kept)) <= 0.1 * len(kept)
        same = 0
        for box, score in zip(moved(expected_boxes[kept]), expected_scores[kept], strict=True):
            near = np.abs(boxes - box).max(1) <= 2.01  # MediaPipe cuts corner and sides to whole pixels
            same += bool((near & (np.abs(scores - score) < 1e-3)).any())
        assert same >= 0.95 * len(kept)


def moved(boxes):
    """MediaPipe limits the sides of a box to the picture's, and moves one that begins left of or above it into it."""
    corner, sides = np.maximum(boxes[:, :2], 0), np.minimum(boxes[:, 2:] - boxes[:, :2], [SIZE[1], SIZE[0]])
    return np.concatenate([corner, corner + sides], 1)


def suppressed(boxes, scores):
    """Indices of the boxes that stay, best first."""
    kept = []
    for n in np.argsort(-scores, kind="stable"):
        if scores[n] < LEAST:
            break
        others = boxes[kept]
        sides = np.minimum(boxes[n, 2:], others[:, 2:]) - np.maximum(boxes[n, :2], others[:, :2])
        both = np.maximum(sides, 0).prod(1)
        areas = (others[:, 2:] - others[:, :2]).prod(1) + (boxes[n, 2:] - boxes[n, :2]).prod()
        if (both <= OVERLAP * (areas - both)).all():
            kept.append(n)
    return kept


def made(model, scheme, folder):
    """The path of the file for MediaPipe."""
    options = {"calibration": pictures()} if scheme == "int8" else {}
    options |= {"normalization": Normalization(), "names": ["a"], "target": "mediapipe", "force": True}
    path = folder / f"{scheme}.tflite"
    export(model, path, scheme=scheme, images=pictures(), **options)
    return path


def answers(file):
    """For each picture, the boxes (x1, y1, x2, y2) and the scores."""
    import mediapipe
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import vision

    base = tasks.BaseOptions(model_asset_path=str(file))
    options = vision.ObjectDetectorOptions(base_options=base, score_threshold=LEAST, max_results=100)
    found = []
    with vision.ObjectDetector.create_from_options(options) as task:
        for picture in pictures().astype("uint8"):
            image = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
            detections = task.detect(image).detections
            sides = [d.bounding_box for d in detections]
            boxes = [(b.origin_x, b.origin_y, b.origin_x + b.width, b.origin_y + b.height) for b in sides]
            assert {d.categories[0].category_name for d in detections} == {"a"}
            found.append((np.array(boxes, "float64"), np.array([d.categories[0].score for d in detections])))
    return found
