"""From handwritten digits to C++ sources for a microcontroller.

The data set comes with scikit-learn. The runtime of microcontrollers is optional here: with
`pip install "keras_cnns[tflite-micro]"` the file is also run there.
"""

import keras_cnns
from keras_cnns.data import load_arrays
from keras_cnns.demo import RECIPE
from keras_cnns.export_scripts import microcontroller
from keras_cnns.support.errors import NotInstalled
from keras_cnns.training import train

# 1. Train LeNet-5 on pictures of 32 x 32 pixels
result = train(RECIPE.but(epochs=10, out="runs/digits"))
print("held-out accuracy", result.metrics["accuracy"])

# 2. Export for tflite-micro: int8 inputs and outputs, and only operators that it has
calibration, _, _ = load_arrays("digits", "train", size=(32, 32), channels=1, limit=200)
images, labels, names = load_arrays("digits", "test", size=(32, 32), channels=1)
report = keras_cnns.tflite.export(
    "runs/digits/model.keras",
    "digits.tflite",
    scheme="int8",
    calibration=calibration,
    images=images,
    labels=labels,
    names=names,
    target="tflite-micro",
)
keras_cnns.tflite.print_reports([report])
print("flash for the model:", report.size_bytes, "bytes;", "on tflite-micro:", report.targets[0].status)

# 3. Sources for the board: the model, its operators, the size of the arena, and a main that checks itself
try:
    sources = microcontroller.write("digits.tflite", "digits_micro", ram="64k", flash="256k")
    print("arena:", sources.arena_bytes, "bytes;", sources.folder)
except NotInstalled as error:
    print(error)
