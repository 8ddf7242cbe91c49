"""Any model, any weights, a folder of your own pictures.

The folder has one folder of pictures for each class. The classifier is new; the layers before it start from the given
weights. First the classifier alone is trained, then the full network from there, at a tenth of the rate:

    python recipes/fine_tune.py --dataset folder:pictures --freeze features --out runs/mine-head
    python recipes/fine_tune.py --dataset folder:pictures --weights runs/mine-head/model.keras --learning-rate 1e-4

Batch normalization uses the statistics that came with the weights: with those of single batches, to which a short
training does not adapt, a real network lost dozens of percentage points. `--no-hold-statistics` updates them, for
large data.
Layers far from the classifier may learn slower: `--layer-rates stem 0.1 stage1 0.1`.
Another network: `--model resnet50 --weights torchvision`. Without a folder it runs on the digits:

    python recipes/fine_tune.py
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="mobilenet_v2",
    weights="keras",
    input_shape=(224, 224, 3),
    dataset="digits",
    augment=Augment(crop="random_resized", area=(0.5, 1.0), crop_fraction=0.875),
    label_smoothing=0.1,
    hold_statistics=True,
    optimizer="adam",
    learning_rate=1e-3,
    schedule="cosine",
    warmup_epochs=1,
    epochs=10,
    batch_size=32,
    out="runs/fine_tune",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
