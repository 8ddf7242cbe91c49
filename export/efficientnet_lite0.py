"""EfficientNet-Lite0 for a phone: the EfficientNet that was designed for int8.

It has ReLU6 in place of swish and no squeeze-and-excite: activation ranges are known in advance, and every operator has
an int8 form.

    python recipes/efficientnet_imagenet.py --model efficientnet_lite0 --out runs/efficientnet_lite0_imagenet
    python export/efficientnet_lite0.py
"""

from keras_cnns.export_scripts.script import IMAGENET, of_run, run

SHIPMENT = of_run("runs/efficientnet_lite0_imagenet", **IMAGENET)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
