"""FCN-8s on a phone: a score for each class at each pixel, int8 throughout.

A file is judged by the overlap of its classes with the model's, and by the pixels that are right where the masks have
no void. For masks of your own: `--checkpoint runs/fcn8s_voc/best.keras --dataset folder:PATH --out FOLDER`.

    python recipes/fcn8s_digits.py --weights runs/vgg11_cards/best.keras
    python export/fcn8s.py
"""

from keras_cnns.export_scripts.script import of_run, run

SHIPMENT = of_run("runs/fcn8s_digits", dataset="scenes", schemes=("float32", "weight_only_int8", "int8"))

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
