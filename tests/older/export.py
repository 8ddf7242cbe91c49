"""An export script as one wrote it for 0.1.0.

python tests/older/export.py --checkpoint runs/older/model.keras
"""

from keras_cnns.tflite.pages.page import of_run, run

SHIPMENT = of_run("runs/older", schemes=("float32", "int8"), limit=100)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
