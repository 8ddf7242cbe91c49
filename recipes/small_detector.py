"""A small detector for your own boxes, from random weights: nothing is downloaded.

Faster R-CNN on a narrow VGG-11 with batch normalization: 2.1 million parameters. Sixty pictures of three simple kinds
of objects were enough for mAP@.5 0.9, in two minutes on one core. For photographs, start from COCO's weights with
detector_fine_tune.
Data: a folder of pictures with boxes in the format of COCO, YOLO or PASCAL VOC (docs/guides/detectors.md).
--check says whether the anchors fit the boxes, and which to take otherwise.

    keras-cnns train small_detector --dataset folder:PATH --check
    keras-cnns train small_detector --dataset folder:PATH --overrides scales 24 34 48
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="faster_rcnn",
    overrides={
        "backbone": "vgg11_bn",
        "columns": {"widths": (16, 32, 64, 128, 128), "fc": ()},
        "level": "C3",
        "roi_pooling": "align",
        "rpn": 128,
        "scales": (20, 34, 56),
        "before": 400,
        "proposals": 100,
        "fc": (256, 256),
        "detections": 30,
    },
    input_shape=(128, 128, 3),
    dataset="scenes",
    augment=Augment(mirror=True, zoom=(0.8, 1.25)),
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=20,
    batch_size=8,
    out="runs/small_detector",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
