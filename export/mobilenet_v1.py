"""MobileNet v1 on a phone: int8, a quarter of the size.

Depthwise kernels have ranges that differ by channel, which eight bits for each channel keep; what is still lost,
epochs of quantization-aware training win back (`--qat-epochs`).

    python recipes/mobilenet_v2_imagenet.py --model mobilenet_v1 --out runs/mobilenet_v1_imagenet
    python export/mobilenet_v1.py --qat-epochs 1
"""

from keras_cnns.export_scripts.script import IMAGENET, of_run, run

SHIPMENT = of_run("runs/mobilenet_v1_imagenet", **IMAGENET)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
