"""From a folder of photographs to a checked int8 file and the code of an app.

Two photographs come with scikit-learn. The script cuts a folder of small pictures for each of them. With your own
folder, leave that step out.
"""

from pathlib import Path

import numpy as np
from PIL import Image
from sklearn.datasets import load_sample_image

import keras_cnns
from keras_cnns.data import load_arrays
from keras_cnns.export_scripts import app_source
from keras_cnns.training import find_recipe, train

# 1. A folder with one folder of pictures for each class
random = np.random.default_rng(0)
for name in ("china", "flower"):
    photograph = Image.fromarray(load_sample_image(f"{name}.jpg"))
    folder = Path("photos", name)
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(40):
        left, top = random.integers(0, photograph.width - 200), random.integers(0, photograph.height - 200)
        photograph.crop((left, top, left + 200, top + 200)).save(folder / f"{number:02}.jpg")

# 2. Train a small network from random weights; a fifth of each class is held out
recipe = find_recipe("small_classifier").but(dataset="folder:photos", epochs=8, out="runs/photos")
result = train(recipe)
print("held-out accuracy", result.metrics["accuracy"])

# 3. Export: training pictures calibrate the file, held-out ones compare it with the model
calibration, _, _ = load_arrays("folder:photos", "train", size=(64, 64), crop_fraction=0.875)
images, labels, names = load_arrays("folder:photos", "test", size=(64, 64), crop_fraction=0.875)
report = keras_cnns.tflite.export(
    "runs/photos/model.keras",
    "photos.tflite",
    scheme="int8",
    calibration=calibration,
    images=images,
    labels=labels,
    names=names,
    input_type="uint8",  # a camera's bytes
)
keras_cnns.tflite.print_reports([report])

# 4. Use the file: here without TensorFlow, and in an app with the code beside it
answers = keras_cnns.predict("photos.tflite", ["photos/china/00.jpg", "photos/flower/00.jpg"], top=1)
print(answers)
print(app_source.write("photos.tflite", "android"))
