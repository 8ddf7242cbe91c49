"""From a YOLO folder to an int8 detector.

The script draws the pictures and writes their boxes as an annotation program does. With your own folder, leave that
step out.
"""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

import keras_cnns
from keras_cnns.data import load_arrays
from keras_cnns.training import find_recipe, train

# 1. shapes/images, shapes/labels and shapes/classes.txt: a line "class x y width height" for each object
random = np.random.default_rng(0)
for folder in ("images", "labels"):
    Path("shapes", folder).mkdir(parents=True, exist_ok=True)
Path("shapes/classes.txt").write_text("disc\nsquare\n")
for number in range(48):
    picture = Image.fromarray(random.integers(90, 200, (96, 96, 3), dtype="uint8"))
    draw, lines = ImageDraw.Draw(picture), []
    for kind in random.integers(0, 2, random.integers(1, 3)):
        side = int(random.integers(24, 40))
        left, top = (int(v) for v in random.integers(0, 96 - side, 2))
        box = (left, top, left + side, top + side)
        draw.ellipse(box, fill=(220, 60, 60)) if kind == 0 else draw.rectangle(box, fill=(60, 120, 220))
        lines.append(f"{kind} {(left + side / 2) / 96} {(top + side / 2) / 96} {side / 96} {side / 96}")
    picture.save(f"shapes/images/{number:02}.png")
    Path(f"shapes/labels/{number:02}.txt").write_text("\n".join(lines) + "\n")

# 2. Train; the scales are sides of anchors in pixels of the network's input, as --check proposes them
recipe = find_recipe("small_detector")
recipe = recipe.but(
    dataset="folder:shapes",
    input_shape=(96, 96, 3),
    overrides={**recipe.overrides, "scales": (24, 31, 40)},
    epochs=12,
    out="runs/shapes",
)
result = train(recipe)
print("mAP at an overlap of .5:", result.metrics["map_50"])

# 3. Export to int8; the file includes the suppression of overlapping boxes
calibration, _, _ = load_arrays("folder:shapes", "train", size=(96, 96), target="boxes")
images, _, names = load_arrays("folder:shapes", "test", size=(96, 96), target="boxes")
report = keras_cnns.tflite.export(
    result.best, "shapes.tflite", scheme="int8", calibration=calibration, images=images, names=names
)
keras_cnns.tflite.print_reports([report])

# 4. Use the file, and look at the objects that it detects
for answer in keras_cnns.predict("shapes.tflite", sorted(Path("shapes/images").glob("*.png"))[:3], out="drawn"):
    for row in answer["objects"]:
        print(answer["picture"], row["class"], round(row["score"], 2), [round(v) for v in row["box"]])
