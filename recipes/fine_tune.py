"""Any model, any weights, a folder of your own pictures.

The folder has one folder of pictures for each class. The classifier is new; the layers before it start from the
weights. Train the classifier first, then the full network at a tenth of the learning rate:

    python recipes/fine_tune.py --dataset folder:pictures --freeze features --out runs/mine-head
    python recipes/fine_tune.py --dataset folder:pictures --weights runs/mine-head/model.keras --learning-rate 1e-4

With `--augment.crop centre --cache-features features`, the first command computes the frozen layers once, not in each
epoch. Batch normalization keeps the statistics of the weights. With the statistics of single batches a network lost
dozens of percentage points in a short training. For large data sets, `--no-hold-statistics` updates them.
To train layers far from the classifier more slowly: `--layer-rates stem 0.1 stage1 0.1`.
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
