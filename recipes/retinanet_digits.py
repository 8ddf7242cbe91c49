"""RetinaNet on a narrow VGG-11 with batch normalization, on scenes of handwritten digits printed on cards.

Paper: Lin et al. 2017, "Focal Loss for Dense Object Detection", 1708.02002.
Data: drawn scenes of 128 x 128 pixels, 4,000 for training and 500 with other digits; nothing is downloaded.
The backbone starts from a classifier, as in the paper. The cards are smaller than the paper's objects, so levels and
anchors are smaller too.
Expect: mAP@.5 0.915 and COCO mAP 0.645 with seed 0 (docs/measurements/scenes.md).

    python recipes/vgg11_cards.py
    python recipes/retinanet_digits.py --weights runs/vgg11_cards/best.keras
"""

from keras_cnns.training import Recipe, run

RECIPE = Recipe(
    model="retinanet",
    overrides={
        "backbone": "vgg11_bn",
        "columns": {"widths": (16, 32, 64, 128, 128), "fc": ()},
        "levels": ("C3", "C4"),
        "coarser": 0,
        "width": 64,
        "depth": 2,
        "scales": (20, 36),
        "candidates": 200,
        "detections": 30,
    },
    input_shape=(128, 128, 3),
    dataset="scenes",
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    epochs=6,
    batch_size=8,
    out="runs/retinanet_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
