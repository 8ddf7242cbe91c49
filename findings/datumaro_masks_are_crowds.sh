#!/usr/bin/env bash
# datumaro marks every mask that it exports to COCO as a crowd, and COCO's own measure then counts no object at all.
#
# A good guess: one object with a mask, exported to `coco_instances`, has "iscrowd": 0, and a detector that finds it
# exactly has an average precision of 1.
# What happens (datumaro 1.13.12, pycocotools 2.0.11): the file has "iscrowd": 1, the same object as a polygon has 0. A
# crowd need not be found, so COCOeval has nothing to count: AP is -1 for the mask, 1 for the polygon. Programs that
# leave crowds out when they train (detectron2, MMDetection, torchvision's references) train on nothing.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet datumaro==1.13.12 pycocotools==2.0.11 pillow > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import contextlib
import io
import json
import sys
from pathlib import Path

import datumaro as dm
import numpy as np
from datumaro.components.annotation import Mask, Polygon
from datumaro.components.media import Image as Media
from PIL import Image
from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

folder = Path(sys.argv[1])
Image.new("RGB", (80, 60)).save(folder / "a.png")
pixels = np.zeros((60, 80), bool)
pixels[19:30, 25:41] = True
shapes = {
    "mask": Mask(pixels, label=0, id=1, group=1),
    "polygon": Polygon([25, 19, 41, 19, 41, 30, 25, 30], label=0, id=1, group=1),
}
crowd, precision = {}, {}
for name, shape in shapes.items():
    item = dm.DatasetItem("a", subset="train", media=Media.from_file(str(folder / "a.png")), annotations=[shape])
    data = dm.Dataset.from_iterable([item], categories=["cat"], media_type=Media)
    data.export(str(folder / name), "coco_instances", save_media=True)
    path = folder / name / "annotations" / "instances_train.json"
    (row,) = json.loads(path.read_text())["annotations"]
    crowd[name] = row["iscrowd"]
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO(str(path))
        answers = truth.loadRes([{key: row[key] for key in ("image_id", "category_id", "bbox")} | {"score": 1.0}])
        measure = COCOeval(truth, answers, "bbox")
        measure.evaluate()
        measure.accumulate()
        measure.summarize()
    precision[name] = measure.stats[0]
    print(f"datumaro {dm.__version__}: {name:8} iscrowd {row['iscrowd']}, bbox {row['bbox']}, AP {precision[name]:g}")
assert crowd == {"mask": 1, "polygon": 0}, "iscrowd is written otherwise now"
assert precision["mask"] == -1 and precision["polygon"] > 0.99
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
