"""ResNet-50 for a phone: int8 takes about a third of float32's time.

Plain convolutions gain the most from integers: int8 took 0.30 of float32's time on an x86 CPU, and so did
`dynamic_int8`, which needs no calibration pictures.

    python recipes/resnet50_imagenet.py
    python export/resnet50.py
"""

from keras_cnns.export_scripts.script import IMAGENET, of_run, run

SHIPMENT = of_run("runs/resnet50_imagenet", **IMAGENET, schemes=("float32", "weight_only_int8", "dynamic_int8", "int8"))

if __name__ == "__main__":
    raise SystemExit(run(SHIPMENT))
