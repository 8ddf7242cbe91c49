"""MobileNetV3 for a phone: int8 that is faster than float32, unlike the stock converter's.

TensorFlow's converter makes hard-swish an operator that XNNPACK does not run in int8; that file took 1.8 to 2.5 times
as long as the float32 one. Written as (x * 1/6) * relu6(x + 3), as here, everything runs in XNNPACK.
`int8_float_islands` computes hard-swish in floats instead. Both are made, to compare.

    python recipes/mobilenet_v3_imagenet.py
    python export/mobilenet_v3.py --qat-epochs 1
"""

from keras_cnns.export_scripts.script import IMAGENET, of_run, run

SHIPMENT = of_run(
    "runs/mobilenet_v3_imagenet", **IMAGENET, schemes=("float32", "weight_only_int8", "int8", "int8_float_islands")
)

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
