"""Annotation formats that are not read: the message says which one it is and what to export."""

import json

import pytest

from keras_cnns import UserError
from keras_cnns.data.sources.by_name import open_source
from tests.data.sources.writers import picture, write

SHAPE = {"label": "cat", "points": [[1, 2], [30, 40]], "shape_type": "rectangle"}
REGION = {"shape_attributes": {"name": "rect", "x": 1, "y": 2, "width": 3, "height": 4}, "region_attributes": {}}
FORMATS = {
    "labelme": ("0.json", {"version": "5", "shapes": [SHAPE], "imagePath": "0.png"}, "by labelme: .*labelme2coco"),
    "CreateML": ("_annotations.createml.json", [{"image": "0.png", "annotations": []}], "by CreateML: export COCO"),
    "Label Studio": ("p.json", [{"id": 1, "annotations": [], "data": {"image": "0.png"}}], "by Label Studio: export"),
    "datumaro": ("annotations/default.json", {"info": {}, "categories": {}, "items": []}, "by datumaro: export"),
    "Supervisely": ("ann/0.png.json", {"size": {"height": 1, "width": 1}, "objects": []}, "by Supervisely: export"),
    "VIA": ("via.json", {"0.png9": {"filename": "0.png", "regions": [REGION]}}, "by the VGG Image Annotator: export"),
    "VIA's project": ("via.json", {"_via_img_metadata": {"0.png9": {"regions": []}}}, "by the VGG Image Annotator"),
    "a table": (
        "t.csv",
        "filename,width,height,class,xmin,ymin,xmax,ymax\n0.png,8,8,a,1,1,2,2\n",
        "columns of a table",
    ),
    "OpenImages": ("t.csv", "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n0,a,b,1,0,1,0,1\n", "of a table"),
    "KITTI": (
        "label_2/0.txt",
        "Car 0.00 0 -1.58 20 15 40 45 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59\n",
        "KITTI's format",
    ),
    "DOTA": ("labelTxt/0.txt", "20.0 15.0 60.0 15.0 60.0 45.0 20.0 45.0 plane 0\n", "rotated boxes in DOTA's format"),
    "TFRecord": ("train/cats.tfrecord", "x", "is a TFRecord file: export"),
    "nothing": ("settings.json", {"a": 1}, "an XML file for each picture.$"),
}


@pytest.mark.parametrize("target", ["boxes", "mask"])
@pytest.mark.parametrize("program", FORMATS)
def test_a_format_that_is_not_read_is_named(program, target, tmp_path):
    name, content, message = FORMATS[program]
    picture(tmp_path / "0.png", 0)
    write(tmp_path / name, content if isinstance(content, str) else json.dumps(content))
    if program == "nothing" and target == "mask":
        message = "polygons in YOLO's format.$"
    with pytest.raises(UserError, match=message) as error:
        open_source(f"folder:{tmp_path}", "train", target)
    assert "\n" not in str(error.value)
