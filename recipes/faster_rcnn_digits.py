"""Faster R-CNN on a narrow VGG-11 with batch normalization, on scenes of handwritten digits printed on cards.

Paper: Ren et al. 2015, "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks", 1506.01497.
Data: drawn scenes of 128 x 128 pixels, 4,000 for training and 500 with other digits; nothing is downloaded.
The cards are smaller than the paper's objects, so anchors and level are smaller too.
The backbone starts from a classifier, as in the paper. Regions are pooled by RoI align, which trains faster here.
Expect: mAP@.5 0.954 to 0.958 and COCO mAP 0.708 with seeds 0 to 2, in nine minutes on one core
(docs/measurements/scenes.md).

    python recipes/vgg11_cards.py
    python recipes/faster_rcnn_digits.py --weights runs/vgg11_cards/best.keras
"""

from keras_cnns.training import Recipe, run

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
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=5,
    batch_size=8,
    out="runs/faster_rcnn_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
