"""YOLOX on a narrow VGG-11 with batch normalization, on scenes of handwritten digits printed on cards.

Paper: Ge et al. 2021, "YOLOX: Exceeding YOLO Series in 2021", 2107.08430.
Data: drawn scenes of 128 x 128 pixels, 4,000 for training and 500 with other digits; nothing is downloaded.
The pyramid and the head have a quarter of the published width. Unlike in the paper, the backbone starts from a
classifier of cards: after the first epoch that reached mAP@.5 0.762, and csp_darknet with random weights 0.045. The
authors' mosaic and mixed pictures are left out.
Expect: mAP@.5 0.919 and COCO mAP 0.627 with seed 0, in about seventeen minutes of one core
(docs/measurements/scenes.md).

    python recipes/vgg11_cards.py
    python recipes/yolox_digits.py --weights runs/vgg11_cards/best.keras
"""

from keras_cnns.training import Recipe, run

RECIPE = Recipe(
    model="yolox",
    overrides={
        "backbone": "vgg11_bn",
        "columns": {"widths": (16, 32, 64, 128, 128), "fc": ()},
        "depth": 0.33,
        "width": 0.25,
        "depthwise": False,
        "overlap": 0.5,
        "least": 0.002,
        "detections": 30,
        "candidates": 200,
    },
    input_shape=(128, 128, 3),
    dataset="scenes",
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=0.5,
    batch_norm_momentum=0.9,
    ema=0.998,
    epochs=8,
    batch_size=8,
    out="runs/yolox_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
