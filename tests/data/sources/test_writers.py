"""What annotation programs write is read as they meant it. They are installed by the tox environment `annotations`."""

import base64
import io
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.data.sources.writers import HEIGHT, WIDTH, boxes, masks

CLASSES = ("zebra", "ant", "cat")  # not in the order of the alphabet
COUNT = 8


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    folder.mkdir()
    for n in range(COUNT):
        Image.new("RGB", (WIDTH, HEIGHT), (n, 90, 160)).save(folder / f"p{n}.png")
    return folder


def truth():
    """{number of the picture: [(class, x1, y1, x2, y2)]}; the last picture shows nothing."""
    chance, rows = np.random.default_rng(0), {}
    for n in range(COUNT):
        rows[n] = []
        for k in range(2 if n < COUNT - 1 else 0):
            (x, y), (width, height) = chance.integers(2, 30, 2), chance.integers(5, 28, 2)
            rows[n].append((CLASSES[(n + k) % 3], *map(int, (x, y, x + width, y + height))))
    return rows


def painted(objects, names):
    mask = np.zeros((HEIGHT, WIDTH), "uint8")
    for name, x1, y1, x2, y2 in objects:
        mask[y1:y2, x1:x2] = names.index(name)
    return mask


def check_boxes(folder, names, *, within=0.0, shift=0, missing=()):
    """shift: what is known to be added to x1 and y1 where a form does not say from where it counts."""
    found_names, boxes_by_picture = boxes(folder)
    assert set(found_names) == set(CLASSES) and found_names == tuple(names)
    assert sorted(set(truth()) - set(boxes_by_picture)) == list(missing)
    for n, rows in boxes_by_picture.items():
        wanted = sorted((name, x1 + shift, y1 + shift, x2, y2) for name, x1, y1, x2, y2 in truth()[n])
        assert [row[0] for row in rows] == [row[0] for row in wanted]
        np.testing.assert_allclose([row[1:] for row in rows], [row[1:] for row in wanted], rtol=0, atol=within or 1e-9)


def check_masks(folder, missing=()):
    names, masks_by_picture = masks(folder)
    assert names == ("background", *CLASSES) and sorted(set(truth()) - set(masks_by_picture)) == list(missing)
    for n, mask in masks_by_picture.items():
        np.testing.assert_array_equal(mask, painted(truth()[n], names))


def export_of_datumaro(pictures, folder, form, shape):
    dm = pytest.importorskip("datumaro")
    kinds, media = dm.components.annotation, dm.components.media.Image

    def annotation(k, name, x1, y1, x2, y2):
        about = {"label": CLASSES.index(name), "id": k + 1, "group": k + 1, "z_order": k}
        if shape == "mask":
            inside = np.ones((y2 - y1, x2 - x1), bool)
            return kinds.Mask(np.pad(inside, ((y1, HEIGHT - y2), (x1, WIDTH - x2))), **about)
        if shape == "polygon":
            return kinds.Polygon([x1, y1, x2, y1, x2, y2, x1, y2], **about)
        return kinds.Bbox(x1, y1, x2 - x1, y2 - y1, **about)

    items = [
        dm.DatasetItem(
            f"p{n}",
            subset="train" if n < 5 else "val",
            media=media.from_file(str(pictures / f"p{n}.png")),
            annotations=[annotation(k, *row) for k, row in enumerate(rows)],
        )
        for n, rows in truth().items()
    ]
    data = dm.Dataset.from_iterable(items, categories=list(CLASSES), media_type=media)
    data.export(str(folder), form, save_media=True)
    return folder


@pytest.mark.parametrize("form", ["coco_instances", "voc", "voc_detection", "yolo", "yolo_ultralytics"])
def test_boxes_of_datumaro(pictures, tmp_path, form):
    folder = export_of_datumaro(pictures, tmp_path / "out", form, "box")
    check_boxes(folder, CLASSES, within=1e-3 if form.startswith("yolo") else 0)  # six digits of fractions


@pytest.mark.parametrize("shape", ["mask", "polygon"])
def test_masks_of_datumaro_in_cocos_form(pictures, tmp_path, shape):
    """Masks are marked as crowds, all of them."""
    folder = export_of_datumaro(pictures, tmp_path / "out", "coco_instances", shape)
    check_masks(folder)
    check_boxes(folder, CLASSES)


def test_masks_of_datumaro_in_vocs_form(pictures, tmp_path):
    """A picture without objects has no mask file there, and is left out."""
    check_masks(export_of_datumaro(pictures, tmp_path / "out", "voc_segmentation", "mask"), missing=[COUNT - 1])


def data_of_supervision(pictures, with_masks):
    sv = pytest.importorskip("supervision")
    annotations = {}
    for n, rows in truth().items():
        sides = np.array([row[1:] for row in rows], float).reshape(-1, 4)
        kinds = np.array([CLASSES.index(row[0]) for row in rows], int)
        inside = np.stack([painted([row], ("", *CLASSES)) > 0 for row in rows]) if with_masks and rows else None
        objects = sv.Detections(xyxy=sides, class_id=kinds, mask=inside) if rows else sv.Detections.empty()
        annotations[str(pictures / f"p{n}.png")] = objects
    return sv.DetectionDataset(list(CLASSES), list(annotations), annotations)


def test_boxes_of_supervision(pictures, tmp_path):
    data = data_of_supervision(pictures, with_masks=False)
    data.as_yolo(*(str(tmp_path / "yolo" / name) for name in ("images", "labels", "data.yaml")))
    check_boxes(tmp_path / "yolo", CLASSES, within=2e-3)  # five digits of fractions
    data.as_coco(*(str(tmp_path / "coco" / name) for name in ("images", "boxes.json")))
    check_boxes(tmp_path / "coco", CLASSES)
    data.as_pascal_voc(*(str(tmp_path / "voc" / name) for name in ("images", "annotations")))
    check_boxes(tmp_path / "voc", sorted(CLASSES))  # it counts from 1


def test_masks_of_supervision_lose_a_row_and_a_column(pictures, tmp_path):
    """Its polygons run through the centres of the outermost pixels: they are read as they are written."""
    data = data_of_supervision(pictures, with_masks=True)
    data.as_coco(*(str(tmp_path / "coco" / name) for name in ("images", "masks.json")))
    names, masks_by_picture = masks(tmp_path / "coco")
    for n, mask in masks_by_picture.items():
        smaller = [(name, x1, y1, x2 - 1, y2 - 1) for name, x1, y1, x2, y2 in truth()[n]]
        np.testing.assert_array_equal(mask, painted(smaller, names))


def test_boxes_of_globox(pictures, tmp_path):
    globox = pytest.importorskip("globox")
    data = globox.AnnotationSet()
    for n, rows in truth().items():
        result = [globox.BoundingBox(label=c, xmin=x1, ymin=y1, xmax=x2, ymax=y2) for c, x1, y1, x2, y2 in rows]
        data.add(globox.Annotation(f"p{n}.png", image_size=(WIDTH, HEIGHT), boxes=result))
    for form in ("coco", "voc", "yolo"):
        shutil.copytree(pictures, tmp_path / form)
    data.save_coco(tmp_path / "coco" / "boxes.json", auto_ids=True)
    check_boxes(tmp_path / "coco", sorted(CLASSES))
    data.save_pascal_voc(tmp_path / "voc")
    check_boxes(tmp_path / "voc", sorted(CLASSES), shift=-1)  # nothing in these files shows that it counts from 0
    (tmp_path / "voc" / "first_pixel.txt").write_text("0")
    check_boxes(tmp_path / "voc", sorted(CLASSES))
    data.save_yolo_v5(tmp_path / "yolo", label_to_id={name: n for n, name in enumerate(CLASSES)})
    (tmp_path / "yolo" / "classes.txt").write_text("\n".join(CLASSES))
    check_boxes(tmp_path / "yolo", CLASSES, within=1e-3)


def test_boxes_of_label_studio(pictures, tmp_path):
    """Its converter sorts the classes by name, and leaves out pictures without objects, except in COCO's form."""
    converter = pytest.importorskip("label_studio_sdk.converter")
    labels = "".join(f'<Label value="{name}"/>' for name in CLASSES)
    config = f'<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image">{labels}'
    config += "</RectangleLabels></View>"
    tasks = [
        {
            "id": n + 1,
            "data": {"image": str(pictures / f"p{n}.png")},
            "annotations": [{"id": n + 1, "completed_by": {"id": 1}, "result": [_result(*row) for row in rows]}],
        }
        for n, rows in truth().items()
    ]
    (tmp_path / "tasks.json").write_text(json.dumps(tasks))
    for form in ("coco", "yolo", "voc"):
        folder = tmp_path / form
        convert = getattr(converter.Converter(config, str(folder), download_resources=False), f"convert_to_{form}")
        convert(str(tmp_path / "tasks.json"), str(folder), output_image_dir=str(folder / "images"), is_dir=False)
        missing = [] if form == "coco" else [COUNT - 1]
        for n in set(range(COUNT)) - set(missing):
            shutil.copy(pictures / f"p{n}.png", folder / "images")
        within = 1 if form == "voc" else 1e-3  # in VOC's form it cuts 48.999 pixels down to 48
        check_boxes(folder, sorted(CLASSES), within=within, missing=missing)


def _result(name, x1, y1, x2, y2):
    value = {"x": 100 * x1 / WIDTH, "y": 100 * y1 / HEIGHT, "rotation": 0, "rectanglelabels": [name]}
    value |= {"width": 100 * (x2 - x1) / WIDTH, "height": 100 * (y2 - y1) / HEIGHT}
    about = {"type": "rectanglelabels", "from_name": "label", "to_name": "image", "image_rotation": 0}
    return about | {"original_width": WIDTH, "original_height": HEIGHT, "value": value}


@pytest.fixture
def labelme(pictures, tmp_path):
    """Runs one of labelme's own scripts on annotations as labelme saves them, and returns the folder it writes.

    The scripts are in labelme's source distribution, not in its wheel.
    """
    examples = os.environ.get("LABELME_EXAMPLES")
    if not examples:
        pytest.skip("LABELME_EXAMPLES does not name the folder `examples` of labelme's source distribution")
    python = os.environ.get("LABELME_PYTHON", sys.executable)
    (tmp_path / "labels.txt").write_text("\n".join(("__ignore__", "_background_", *CLASSES)))

    def written(script, shape):
        annotations, out = tmp_path / shape, tmp_path / "out"
        annotations.mkdir()
        for n, rows in truth().items():
            content = {"version": "6.3.1", "flags": {}, "imagePath": f"../pictures/p{n}.png", "imageHeight": HEIGHT}
            content |= {"imageWidth": WIDTH, "imageData": None, "shapes": [_shape(shape, *row) for row in rows]}
            (annotations / f"p{n}.json").write_text(json.dumps(content))
        command = [python, str(Path(examples, script)), str(annotations), str(out), "--noviz"]
        environment = os.environ | {"QT_QPA_PLATFORM": "offscreen"}
        subprocess.run([*command, "--labels", str(tmp_path / "labels.txt")], check=True, env=environment)
        for n in range(COUNT):  # without the losses of JPEG, so that the red values stay
            shutil.copy(pictures / f"p{n}.png", out / "JPEGImages" / f"p{n}.jpg")
        return out

    return written


def _shape(kind, name, x1, y1, x2, y2):
    """A mask covers the same pixels as the box; its corners are those of its outermost pixels."""
    about = {"label": name, "group_id": None, "flags": {}, "shape_type": kind}
    if kind == "rectangle":
        return about | {"points": [[float(x1), float(y1)], [float(x2), float(y2)]]}
    png = io.BytesIO()
    Image.new("L", (x2 - x1, y2 - y1), 255).save(png, "PNG")
    return about | {
        "points": [[float(x1), float(y1)], [float(x2 - 1), float(y2 - 1)]],
        "mask": base64.b64encode(png.getvalue()).decode(),
    }


def test_boxes_of_labelme(labelme):
    """It counts from 0 and writes a decimal point; its list of classes begins with the background."""
    check_boxes(labelme("bbox_detection/labelme2voc.py", "rectangle"), CLASSES)


def test_masks_of_labelme(labelme):
    folder = labelme("instance_segmentation/labelme2voc.py", "mask")
    names, masks_by_picture = masks(folder)
    assert names == ("_background_", *CLASSES) and sorted(masks_by_picture) == sorted(truth())
    for n, mask in masks_by_picture.items():
        np.testing.assert_array_equal(mask, painted(truth()[n], names))


def test_polygons_of_labelme_in_cocos_form(labelme):
    """Its boxes are those of masks that it fills itself, a row and a column larger than the rectangles."""
    folder = labelme("instance_segmentation/labelme2coco.py", "rectangle")
    names, boxes_by_picture = boxes(folder)
    assert names == CLASSES
    for n, rows in boxes_by_picture.items():
        assert rows == sorted((name, x1, y1, x2 + 1, y2 + 1) for name, x1, y1, x2, y2 in truth()[n])
    names, masks_by_picture = masks(folder)
    for n, mask in masks_by_picture.items():
        np.testing.assert_array_equal(mask, painted(truth()[n], names))
