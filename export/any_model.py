"""Your own Keras 3 model and a folder of pictures: the fastest file that loses no more than a percent.

    python export/any_model.py my_model.keras my_pictures/ --pixels -1 1

The folder may hold one folder for each class (then accuracy counts, when the model has as many classes) or just
pictures. Half of them calibrate, the other half judge. `--pixels` says what black and white are for the model; that
scaling goes into the file, so that the app feeds bytes as they come from the camera. Beside the file of a classifier
lies a page with the lines of Kotlin and Swift that feed it.
"""

from keras_cnns.export_scripts.any_model import run

if __name__ == "__main__":
    raise SystemExit(run())
