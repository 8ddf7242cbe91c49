"""Times Grad-CAM, compared with one forward and backward pass of ResNet-50: `python benchmarks/grad_cam.py`.

One picture of 224 pixels. Both run eagerly and take turns; the medians of 15 are compared.
"""

import time

import numpy as np
import tensorflow as tf

from keras_cnns import build
from keras_cnns.insight import grad_cam
from keras_cnns.insight.maps.inspected_model import InspectedModel

RUNS = 15


def main():
    model = build("resnet50")
    network = InspectedModel(model)
    picture = np.random.default_rng(0).uniform(0, 1, (1, 224, 224, 3)).astype("float32")

    def both_passes():
        with tf.GradientTape() as tape:
            score = tf.reduce_max(model(picture, training=False))
        tape.gradient(score, model.trainable_variables)

    times = {"forward and backward": [], "Grad-CAM": []}
    for turn in range(RUNS + 2):
        for name, run in zip(times, (both_passes, lambda: grad_cam(network, picture, 7)), strict=True):
            started = time.perf_counter()
            run()
            if turn > 1:
                times[name].append(time.perf_counter() - started)
    middle = {name: float(np.median(result)) for name, result in times.items()}
    for name, seconds in middle.items():
        print(f"{name:22} {seconds * 1e3:7.1f} ms  {seconds / middle['forward and backward']:.2f}")


if __name__ == "__main__":
    main()
