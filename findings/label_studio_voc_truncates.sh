#!/usr/bin/env bash
# Label Studio's converter moves whole-number boxes by a pixel in PASCAL VOC's XML: 48.99999 becomes 48.
#
# A good guess: a box on whole pixels, stored as percentages of the picture as Label Studio does, comes back on the same
# pixels, in COCO's JSON as in VOC's XML.
# What happens (label-studio-sdk 2.1.2): COCO's JSON is right to 1e-9 of a pixel. VOC's XML cuts the fraction off, so a
# side that is 48.99999 by the rounding of floats becomes 48. Of 400 random boxes in a picture of 80 x 60, the script
# counts how many have a side that is off by one.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet label-studio-sdk==2.1.2 pillow > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import json
import random
import re
import sys
from pathlib import Path

from label_studio_sdk.converter import Converter
from PIL import Image

folder, (width, height) = Path(sys.argv[1]), (80, 60)
Image.new("RGB", (width, height)).save(folder / "a.png")
random.seed(0)
boxes = []
for _ in range(400):
    x, y = random.randrange(width - 20), random.randrange(height - 20)
    boxes.append((x, y, x + random.randrange(2, 20), y + random.randrange(2, 20)))


def result(x1, y1, x2, y2):
    value = {"x": 100 * x1 / width, "y": 100 * y1 / height, "rotation": 0, "rectanglelabels": ["cat"]}
    value |= {"width": 100 * (x2 - x1) / width, "height": 100 * (y2 - y1) / height}
    about = {"type": "rectanglelabels", "from_name": "label", "to_name": "image", "value": value}
    return about | {"original_width": width, "original_height": height, "image_rotation": 0}


answers = [{"id": 1, "completed_by": {"id": 1}, "result": [result(*box) for box in boxes]}]
tasks = [{"id": 1, "data": {"image": str(folder / "a.png")}, "annotations": answers}]
(folder / "tasks.json").write_text(json.dumps(tasks))
config = '<View><Image name="image" value="$image"/><RectangleLabels name="label" toName="image"><Label value="cat"/>'
for form in ("coco", "voc"):
    converter = Converter(config + "</RectangleLabels></View>", str(folder / form), download_resources=False)
    images = str(folder / form / "images")
    getattr(converter, f"convert_to_{form}")(
        str(folder / "tasks.json"), str(folder / form), output_image_dir=images, is_dir=False
    )
rows = [row["bbox"] for row in json.loads((folder / "coco" / "result.json").read_text())["annotations"]]
coco = [(x, y, x + w, y + h) for x, y, w, h in rows]
text = next((folder / "voc" / "Annotations").glob("*.xml")).read_text()
sides = [re.findall(f"<{side}>(.*?)<", text) for side in ("xmin", "ymin", "xmax", "ymax")]
voc = [tuple(map(float, box)) for box in zip(*sides, strict=True)]
print("label-studio-sdk 2.1.2,", len(boxes), "boxes on whole pixels of a picture of", width, "x", height)
exact = max(abs(a - b) for one, other in zip(boxes, coco, strict=True) for a, b in zip(one, other, strict=True))
wrong = [(one, other) for one, other in zip(boxes, voc, strict=True) if one != other]
print(f"COCO's JSON: the largest difference is {exact:.1e} pixels")
print(f"VOC's XML: {len(wrong)} boxes differ, such as {wrong[0][0]}, written as {wrong[0][1]}" if wrong else "VOC: exact")
assert exact < 1e-6 and len(wrong) > 20, "the boxes are written otherwise now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
