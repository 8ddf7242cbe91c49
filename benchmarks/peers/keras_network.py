"""A network in Keras: `python keras_network.py keras_cnns|keras.applications|keras_hub mobilenet_v2|resnet50_v1_5`."""

import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("TF_NUM_INTRAOP_THREADS", "1")

import keras
import numpy as np
import tensorflow as tf
from worker import serve

LIBRARY, NETWORK = sys.argv[1:]
SIDE, BATCH, CLASSES = 96, 8, 10
PICTURES = np.random.default_rng(0).uniform(-1, 1, (BATCH, SIDE, SIDE, 3)).astype("float32")
LABELS = np.arange(BATCH) % CLASSES


def build():
    keras.utils.set_random_seed(0)
    shape = (SIDE, SIDE, 3)
    if LIBRARY == "keras_cnns":
        import keras_cnns

        return keras_cnns.build(NETWORK, input_shape=shape, classes=CLASSES)
    if (LIBRARY, NETWORK) == ("keras.applications", "mobilenet_v2"):
        return keras.applications.MobileNetV2(shape, weights=None, classes=CLASSES)
    if (LIBRARY, NETWORK) == ("keras_hub", "resnet50_v1_5"):
        import keras_hub

        backbone = keras_hub.models.ResNetBackbone(
            input_conv_filters=[64],
            input_conv_kernel_sizes=[7],
            stackwise_num_filters=[64, 128, 256, 512],
            stackwise_num_blocks=[3, 4, 6, 3],
            stackwise_num_strides=[1, 2, 2, 2],
            block_type="bottleneck_block",
            image_shape=shape,
        )
        scores = keras.layers.Dense(CLASSES, "softmax")(keras.layers.GlobalAveragePooling2D()(backbone.output))
        return keras.Model(backbone.input, scores)
    raise SystemExit(f"{LIBRARY} has no {NETWORK} here")


def forward():
    model = build()
    function = tf.function(lambda x: model(x, training=False))
    return lambda: function(PICTURES)


def step():
    model = build()
    model.compile("sgd", "sparse_categorical_crossentropy", jit_compile=False)
    return lambda: model.train_on_batch(PICTURES, LABELS)


def export():
    model = build()
    if LIBRARY == "keras_cnns":
        from keras_cnns.tflite.file import convert
        from keras_cnns.tflite.rewrite.prepare import prepare

        return lambda: convert.to_flatbuffer(prepare(model))
    folder = Path(tempfile.mkdtemp())
    return lambda: model.export(folder / "net.tflite", format="litert", verbose=False)


serve(LIBRARY, keras.__version__, {"build": lambda: build, "forward": forward, "train step": step, "export": export})
