"""Faster R-CNN for a phone: one file of built-in operators returns boxes, classes and scores; suppression is inside.

The file and the model are compared by the overlap of their boxes, weighted by score. In int8, coordinates are
computed in floats, so boxes are not rounded to a grid of 256. For a detector of your own pictures:
`--checkpoint runs/detector_fine_tune/best.keras --dataset folder:PATH --out FOLDER`.

    python recipes/faster_rcnn_digits.py --weights runs/vgg11_cards/best.keras
    python export/faster_rcnn.py
"""

from keras_cnns.export_scripts.script import of_run, run

SHIPMENT = of_run("runs/faster_rcnn_digits", dataset="scenes", schemes=("float32", "weight_only_int8", "int8"))

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
