"""SSDLite on a narrow VGG-11 with batch normalization, on scenes of handwritten digits printed on cards.

Papers: Liu et al. 2015, "SSD: Single Shot MultiBox Detector", 1512.02325; Sandler et al. 2018, 1801.04381, section 6.2.
Data: drawn scenes of 128 x 128 pixels, 4,000 for training and 500 with other digits; nothing is downloaded.
The backbone starts from a classifier, as in the papers. The cards are smaller than the papers' objects, so levels and
default boxes are smaller too.
Expect: mAP@.5 0.958 and COCO mAP 0.698 with seed 0, in at most fifteen minutes on one core
(docs/measurements/scenes.md).

    python recipes/vgg11_cards.py
    python recipes/ssdlite_digits.py --weights runs/vgg11_cards/best.keras
"""

from keras_cnns.training import Recipe, run

RECIPE = Recipe(
    model="ssdlite",
    overrides={
        "backbone": "vgg11_bn",
        "columns": {"widths": (16, 32, 64, 128, 128), "fc": ()},
        "levels": ("C3", "C4"),
        "extras": (),
        "scales": (0.18, 0.3, 0.5),
        "ratios": ((2,), (2,)),
        "least": 0.01,
        "overlap": 0.45,
        "candidates": 100,
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
    out="runs/ssdlite_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
