"""EfficientNet-B0 on a phone: int8 in about half of float32's time.

Its swish and its squeeze-and-excite gates lose more to eight bits than ReLUs do: look at the drop, and give it epochs
of quantization-aware training (`--qat-epochs`) where that is too much.

    python recipes/efficientnet_imagenet.py
    python export/efficientnet_b0.py --qat-epochs 1
"""

from keras_cnns.export_scripts.script import IMAGENET, of_run, run

SHIPMENT = of_run("runs/efficientnet_imagenet", **IMAGENET)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
