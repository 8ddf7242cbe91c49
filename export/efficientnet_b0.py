"""EfficientNet-B0 for a phone: int8 takes about half of float32's time.

Its swish activations and squeeze-and-excite gates lose more accuracy in eight bits than ReLUs do. Look at the drop; if
it is too large, add epochs of quantization-aware training (`--qat-epochs`).

    python recipes/efficientnet_imagenet.py
    python export/efficientnet_b0.py --qat-epochs 1
"""

from keras_cnns.export_scripts.script import IMAGENET, of_run, run

SHIPMENT = of_run("runs/efficientnet_imagenet", **IMAGENET)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
