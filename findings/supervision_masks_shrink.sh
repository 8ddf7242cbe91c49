#!/usr/bin/env bash
# supervision writes masks as polygons that are one pixel smaller: in COCO's JSON and in YOLO's files.
#
# A good guess: a mask of 16 x 11 pixels that `DetectionDataset.as_coco` writes as a polygon, beside its box and an area
# of 176, is the same mask when COCO's own reader (pycocotools) fills that polygon.
# What happens (supervision 0.31.2, pycocotools 2.0.11): the polygon runs through the centres of the outermost pixels
# (cv2.findContours), so it covers 15 x 10 pixels; the last column and the last row are lost, and the file contradicts
# itself (area 176, polygon 150). The same polygon stands in YOLO's files. A mask of one pixel's width has no area.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet supervision==0.31.2 pycocotools==2.0.11 pillow > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import json
import sys
from pathlib import Path

import numpy as np
import pycocotools.mask as coco_mask
import supervision as sv
from PIL import Image

folder = Path(sys.argv[1])
Image.new("RGB", (80, 60)).save(folder / "a.png")
mask = np.zeros((1, 60, 80), bool)
mask[0, 19:30, 25:41] = True  # 16 x 11 pixels
objects = sv.Detections(xyxy=np.array([[25.0, 19.0, 41.0, 30.0]]), class_id=np.array([0]), mask=mask)
data = sv.DetectionDataset(classes=["cat"], images=[str(folder / "a.png")], annotations={str(folder / "a.png"): objects})
data.as_coco(annotations_path=str(folder / "coco.json"))
data.as_yolo(annotations_directory_path=str(folder / "labels"))
(row,) = json.loads((folder / "coco.json").read_text())["annotations"]
filled = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects(row["segmentation"], 60, 80)))
rows, columns = np.flatnonzero(filled.any(1)), np.flatnonzero(filled.any(0))
print("supervision", sv.__version__)
print("mask written:     columns 25 to 40, rows 19 to 29,", mask.sum(), "pixels")
print("bbox and area:   ", row["bbox"], row["area"])
print("polygon:         ", row["segmentation"])
print(f"filled polygon:   columns {columns[0]} to {columns[-1]}, rows {rows[0]} to {rows[-1]}, {filled.sum()} pixels")
print("YOLO's line:     ", (folder / "labels" / "a.txt").read_text().strip())
assert row["area"] == mask.sum() == 176
assert filled.sum() == 150, "the polygon covers another number of pixels now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
