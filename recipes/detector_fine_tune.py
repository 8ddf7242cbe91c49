"""A detector for your own pictures: torchvision's Faster R-CNN with a feature pyramid, with a new classifier.

Paper: Lin et al. 2016, "Feature Pyramid Networks for Object Detection", 1612.03144.
Data: a folder of pictures with boxes in the format of COCO, YOLO or PASCAL VOC (docs/guides/annotation_formats.md).
Batch normalization keeps COCO's statistics, so a batch of two pictures is enough.

    python recipes/detector_fine_tune.py --dataset folder:PATH --check
    python recipes/detector_fine_tune.py --dataset folder:PATH
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="faster_rcnn_resnet50_fpn",
    weights="torchvision",
    input_shape=(512, 512, 3),
    dataset="folder:pictures",
    freeze="until:conv2",
    hold_statistics=True,
    augment=Augment(mirror=True, zoom=(0.7, 1.4)),
    optimizer="sgd",
    momentum=0.9,
    learning_rate=2.5e-3,
    schedule="cosine",
    warmup_epochs=0.5,
    weight_decay=1e-4,
    clip_norm=10.0,
    epochs=12,
    batch_size=2,
    out="runs/detector_fine_tune",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
