#!/usr/bin/env bash
# COCO's own evaluation never counts the first object of a file that labelme2coco.py wrote, and its boxes are too large.
#
# A good guess: a detector that returns exactly the boxes of the file, with scores of 1, has an average precision of 1. The
# box of a rectangle that was drawn from 25 to 41 has a width of 16, as the polygon beside it in the file has.
# What happens (labelme 6.3.1, pycocotools 2.0.11):
# - labelme2coco.py numbers the annotations from 0. COCOeval stores the number of the object that a detection matches, and
#   takes 0 for "none" (`evaluateImg` and `accumulate` in cocoeval.py), so the detection of object 0 is a false positive.
#   Of two objects only one counts. With the numbers raised by one the average precision is 1.
# - The box is that of a mask which labelme fills itself, border included: 17 wide for a polygon that is 16 wide.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check labelme==6.3.1 pycocotools==2.0.11 > "$folder/log" 2>&1
# the script is in the source distribution alone
"$folder/venv/bin/pip" download --quiet --no-deps --no-binary labelme --dest "$folder" labelme==6.3.1 >> "$folder/log" 2>&1
tar -xzf "$folder/labelme-6.3.1.tar.gz" -C "$folder"
cat > "$folder/draw.py" <<'PYTHON'
"""Two pictures with a rectangle each, in labelme's own format."""
import json
import sys
from pathlib import Path

from PIL import Image

folder = Path(sys.argv[1])
(folder / "drawn").mkdir()
(folder / "labels.txt").write_text("__ignore__\n_background_\ncat\n")
for number in range(2):
    Image.new("RGB", (80, 60)).save(folder / "drawn" / f"{number}.png")
    shape = {"label": "cat", "shape_type": "rectangle", "points": [[25, 19], [41, 30]], "group_id": None, "flags": {}}
    content = {"version": "6.3.1", "flags": {}, "imagePath": f"{number}.png", "imageData": None, "shapes": [shape]}
    content |= {"imageHeight": 60, "imageWidth": 80}
    (folder / "drawn" / f"{number}.json").write_text(json.dumps(content))
PYTHON
cat > "$folder/evaluate.py" <<'PYTHON'
import contextlib
import io
import json
import sys
from importlib.metadata import version
from pathlib import Path

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval


def average_precision(data):
    """Of a detector that returns the boxes of the file."""
    with contextlib.redirect_stdout(io.StringIO()):
        truth = COCO()
        truth.dataset = data
        truth.createIndex()
        keys = ("image_id", "category_id", "bbox")
        detections = truth.loadRes([{k: row[k] for k in keys} | {"score": 1.0} for row in data["annotations"]])
        evaluation = COCOeval(truth, detections, "bbox")
        evaluation.evaluate()
        evaluation.accumulate()
        evaluation.summarize()
    return evaluation.stats[0]


data = json.loads(Path(sys.argv[1]).read_text())
numbers = [row["id"] for row in data["annotations"]]
polygon, box = data["annotations"][0]["segmentation"][0], data["annotations"][0]["bbox"]
as_written = average_precision(data)
for row in data["annotations"]:
    row["id"] += 1
from_one = average_precision(data)
print("labelme", version("labelme"), "| pycocotools", version("pycocotools"))
print(f"annotations {numbers}: average precision {as_written:.3f}")
print(f"annotations {[number + 1 for number in numbers]}: average precision {from_one:.3f}")
print("polygon", polygon, "and the box beside it", box)
assert numbers == [0, 1] and as_written < 0.6 and from_one > 0.99, "the first object counts now"
assert polygon == [25, 19, 41, 19, 41, 30, 25, 30] and box == [25, 19, 17, 12], "the box is written otherwise now"
PYTHON
run() { QT_QPA_PLATFORM=offscreen "$folder/venv/bin/python" -W ignore "$@" 2>> "$folder/log"; }
run "$folder/draw.py" "$folder"
run "$folder/labelme-6.3.1/examples/instance_segmentation/labelme2coco.py" "$folder/drawn" "$folder/out" --noviz \
    --labels "$folder/labels.txt" >> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
run "$folder/evaluate.py" "$folder/out/annotations.json" || { tail -5 "$folder/log"; exit 1; }
