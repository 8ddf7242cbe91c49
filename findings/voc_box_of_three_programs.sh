#!/usr/bin/env bash
# The same box becomes two different boxes in PASCAL VOC's XML, and a round trip between programs moves it by a pixel.
#
# A good guess: VOC's XML has one convention (the first pixel is 1), or all programs that write it share another one, so
# that what one program writes the other reads as the same box.
# What happens (supervision 0.31.2, datumaro 1.13.12, globox 2.9.0): for the box from (25, 19) to (41, 30), supervision
# writes xmin 26 and ymin 20, datumaro 25.0 and 19.0, globox 25 and 19. Each reads its own files as it meant them. What
# supervision writes, globox reads as (26, 20, 41, 30), and what the two write, supervision reads as (24, 18, 41, 30):
# a pixel narrower or wider after each change of program.
set -euo pipefail
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet supervision==0.31.2 datumaro==1.13.12 globox==2.9.0 pillow > "$folder/log" 2>&1
cat > "$folder/show.py" <<'PYTHON'
import re
import shutil
import sys
from pathlib import Path

import datumaro as dm
import globox
import numpy as np
import supervision as sv
from datumaro.components.annotation import Bbox
from datumaro.components.media import Image as Media
from PIL import Image

folder = Path(sys.argv[1])
BOX = (25, 19, 41, 30)  # x1, y1, x2, y2; 16 x 11 pixels
Image.new("RGB", (80, 60)).save(folder / "a.png")


def write_supervision(where):
    one = sv.Detections(xyxy=np.array([BOX], float), class_id=np.array([0]))
    data = sv.DetectionDataset(["cat"], [str(folder / "a.png")], {str(folder / "a.png"): one})
    data.as_pascal_voc(annotations_directory_path=str(where))


def write_datumaro(where):
    x1, y1, x2, y2 = BOX
    item = dm.DatasetItem(
        "a", media=Media.from_file(str(folder / "a.png")), annotations=[Bbox(x1, y1, x2 - x1, y2 - y1, label=0)]
    )
    data = dm.Dataset.from_iterable([item], categories=["cat"], media_type=Media)
    data.export(str(where / "all"), "voc_detection", save_media=True)
    shutil.copy(next((where / "all" / "Annotations").glob("*.xml")), where / "a.xml")


def write_globox(where):
    boxes = [globox.BoundingBox(label="cat", xmin=BOX[0], ymin=BOX[1], xmax=BOX[2], ymax=BOX[3])]
    globox.AnnotationSet([globox.Annotation("a.png", image_size=(80, 60), boxes=boxes)]).save_pascal_voc(where)


def read_supervision(where):
    (where / "images").mkdir(exist_ok=True)
    shutil.copy(folder / "a.png", where / "images")
    only = where / "xml"
    only.mkdir(exist_ok=True)
    shutil.copy(where / "a.xml", only)
    data = sv.DetectionDataset.from_pascal_voc(str(where / "images"), str(only))
    return tuple(next(iter(data.annotations.values())).xyxy[0].tolist())


def read_globox(where):
    (box,) = globox.Annotation.from_pascal_voc(where / "a.xml").boxes
    return box.xmin, box.ymin, box.xmax, box.ymax


written, read = {}, {}
for name, write in (("supervision", write_supervision), ("datumaro", write_datumaro), ("globox", write_globox)):
    where = folder / name
    where.mkdir()
    write(where)
    text = (where / "a.xml").read_text()
    written[name] = tuple(float(re.search(f"<{s}>(.*?)<", text)[1]) for s in ("xmin", "ymin", "xmax", "ymax"))
    read[name] = read_supervision(where), None if name == "datumaro" else read_globox(where)  # it needs a <size>

print("supervision", sv.__version__, "datumaro", dm.__version__, "globox", "2.9.0", "| the box is", BOX)
for name in written:
    print(f"{name:12} writes {written[name]}; supervision reads {read[name][0]}, globox reads {read[name][1]}")
assert written["supervision"] == (26, 20, 41, 30), "supervision writes another box now"
assert written["datumaro"] == written["globox"] == BOX, "datumaro or globox write another box now"
assert read["supervision"] == (BOX, (26, 20, 41, 30)), "what supervision writes is read as another box now"
assert read["globox"] == ((24, 18, 41, 30), BOX), "what globox writes is read as another box now"
assert read["datumaro"][0] == (24, 18, 41, 30), "what datumaro writes is read as another box now"
PYTHON
"$folder/venv/bin/python" -W ignore "$folder/show.py" "$folder" 2>> "$folder/log" || { tail -5 "$folder/log"; exit 1; }
