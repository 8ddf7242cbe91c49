"""MobileNetV2 for a phone: int8, all of it run by XNNPACK, a quarter of the size.

    python recipes/mobilenet_v2_digits.py
    python export/mobilenet_v2.py --checkpoint runs/mobilenet_v2_digits/model.keras --qat-epochs 3

Depthwise kernels lose the most accuracy in eight bits; the epochs of quantization-aware training recover it.
"""

from keras_cnns.export_scripts.script import of_run, run

SHIPMENT = of_run("runs/mobilenet_v2_digits", qat_epochs=3)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
