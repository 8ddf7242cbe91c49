"""Your own Keras 3 model and a folder of pictures: the fastest file that loses no more than one percent of accuracy.

    python export/any_model.py my_model.keras my_pictures/ --pixels -1 1

The folder holds pictures, or a folder of them for each class; if the model has these classes, accuracy counts. Half of
the pictures calibrate, the other half compare. `--pixels` gives the model's values for black and white; the scaling
becomes part of the file, so the app passes bytes from 0 to 255. Beside the file, NAME.md holds the Kotlin and the Swift
code that runs it in an app.
"""

from keras_cnns.export_scripts.any_model import run

if __name__ == "__main__":
    raise SystemExit(run())
