"""MobileNet v1 for a phone: int8, a quarter of the size.

The weights of depthwise kernels differ in range by channel, so each channel has its own scale. Epochs of
quantization-aware training (`--qat-epochs`) recover what accuracy is still lost.

    python recipes/mobilenet_v2_imagenet.py --model mobilenet_v1 --out runs/mobilenet_v1_imagenet
    python export/mobilenet_v1.py --qat-epochs 1
"""

from keras_cnns.export_scripts.script import IMAGENET, of_run, run

SHIPMENT = of_run("runs/mobilenet_v1_imagenet", **IMAGENET)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
