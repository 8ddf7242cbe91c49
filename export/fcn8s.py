"""FCN-8s for a phone: a score for each class at each pixel, all in int8.

The file and the model are compared by the overlap of their classes and, if the masks have no void pixels, by the
fraction of correct pixels. For masks of your own:
`--checkpoint runs/fcn8s_voc/best.keras --dataset folder:PATH --out FOLDER`.

    python recipes/fcn8s_digits.py --weights runs/vgg11_cards/best.keras
    python export/fcn8s.py
"""

from keras_cnns.export_scripts.script import of_run, run

SHIPMENT = of_run("runs/fcn8s_digits", dataset="scenes", schemes=("float32", "weight_only_int8", "int8"))

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
