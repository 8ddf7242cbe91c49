"""Fast R-CNN on a narrow VGG-11, on scenes of handwritten digits printed on cards; the boxes are inputs.

Paper: Girshick 2015, "Fast R-CNN", 1504.08083.
Data: drawn scenes of 128 x 128 pixels, 4,000 for training and 500 with other digits; nothing is downloaded. In training
the proposals are drawn around and beside the cards, in evaluation they are the cards' own boxes.
Expect: mAP@.5 0.958 to 0.962 with seeds 0 to 2, in eight minutes on one core
(docs/measurements/scenes.md).

    python recipes/vgg11_cards.py
    python recipes/fast_rcnn_digits.py --weights runs/vgg11_cards/best.keras
"""

from keras_cnns.training import Recipe, run

RECIPE = Recipe(
    model="fast_rcnn",
    overrides={
        "backbone": "vgg11_bn",
        "columns": {"widths": (16, 32, 64, 128, 128), "fc": ()},
        "level": "C3",
        "fc": (256,),
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
    out="runs/fast_rcnn_digits",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
