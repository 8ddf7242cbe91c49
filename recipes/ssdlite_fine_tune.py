"""A detector for a phone and your own pictures: torchvision's SSDLite320 on MobileNetV3, with new class scores.

Papers: Liu et al. 2015, 1512.02325; Sandler et al. 2018, 1801.04381, section 6.2; Howard et al. 2019, 1905.02244.
Data: a folder of pictures with boxes in the format of COCO, YOLO or PASCAL VOC (docs/guides/annotation_formats.md).
It starts from torchvision's weights of COCO, 14 MB, downloaded once. No run on photographs has been measured.

    python recipes/ssdlite_fine_tune.py --dataset folder:PATH --check
    python recipes/ssdlite_fine_tune.py --dataset folder:PATH
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="ssdlite320_mobilenet_v3_large",
    weights="torchvision",
    input_shape=(320, 320, 3),
    dataset="folder:pictures",
    hold_statistics=True,
    augment=Augment(mirror=True, zoom=(0.5, 1.5)),
    optimizer="sgd",
    momentum=0.9,
    learning_rate=1e-2,
    schedule="cosine",
    warmup_epochs=0.5,
    weight_decay=4e-5,
    clip_norm=10.0,
    epochs=30,
    batch_size=16,
    out="runs/ssdlite_fine_tune",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
