"""Measures what int8 costs a detector or a segmenter of synthetic scenes, on held-out scenes, in Keras and in each
file.

    python benchmarks/scenes_int8.py runs/fcn8s_digits/best.keras

The measure is that of the task (mean IoU or mAP) on all held-out scenes. Ranges are measured on training scenes. Each
file has one line: measure, size and time as fractions of the float32 file's, and the notes of the report.
"""

import sys
import tempfile
from pathlib import Path

import numpy as np

from keras_cnns import tasks
from keras_cnns.data.sources import shapes
from keras_cnns.tflite import export
from keras_cnns.tflite.file.convert import load, output_names
from keras_cnns.tflite.verify import measures
from keras_cnns.training import Recipe

CALIBRATION, COMPARED, BATCH = 64, 48, 10
SCHEMES = ("float32", "int8")


def main(path):
    import tensorflow as tf
    from ai_edge_litert.interpreter import Interpreter

    model = load(path)
    (_, height, width, channels) = model.input_shape
    detects = set(output_names(model)) == set(measures.DETECTOR)
    name = "faster_rcnn" if detects else "fcn8s"
    task = tasks.of(Recipe(model=name, input_shape=(height, width, channels), dataset="scenes"))
    data = task.load("test", BATCH)
    task.detections = model.get_layer("detections").count if detects else None
    batches = list(data.dataset)

    def measured(answer):
        """answer: (pictures [B, H, W, C], training=False) -> the model's answers, as the task asks its network."""
        sums = task.zeros(data.names)
        for batch in batches:
            sums = tuple(a + b for a, b in zip(sums, task.count(answer, *batch), strict=True))
        result = task.measure(sums, data.names)
        return {key: round(result[key], 4) for key in task.held_out}

    seen = np.stack([shapes.scene(n, "train", (height, width)).picture for n in range(CALIBRATION)]).astype("float32")
    shown = np.stack([shapes.scene(n, "test", (height, width)).picture for n in range(COMPARED)]).astype("float32")
    answer = tf.function(lambda image: model(image, training=False))
    print("Keras", measured(lambda image, training: answer(image)), flush=True)
    with tempfile.TemporaryDirectory() as folder:
        for scheme in SCHEMES:
            file = Path(folder, f"{scheme}.tflite")
            report = export(model, file, scheme=scheme, calibration=seen, images=shown, force=True)
            runs = Interpreter(model_path=str(file), num_threads=2).get_signature_runner()

            def answers(image, training, runs=runs):
                parts = [runs(image=item[None]) for item in image.numpy()]
                joined = {key: tf.constant(np.concatenate([part[key] for part in parts])) for key in parts[0]}
                return joined if len(joined) > 1 else next(iter(joined.values()))

            print(
                scheme,
                measured(answers),
                f"size {report.size_ratio:.3f}, time {report.latency_ratio:.2f}, {report.status},",
                {k: round(v, 4) for k, v in report.comparisons[0].judged().items()},
                flush=True,
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
