"""Measures what int8 costs a detector or a segmenter on held-out pictures, in Keras and in each file.

    python benchmarks/scenes_int8.py runs/fcn8s_digits/best.keras
    python benchmarks/scenes_int8.py runs/shapes/best.keras --dataset folder:shapes
    python benchmarks/scenes_int8.py runs/ssdlite_digits/best.keras --mediapipe

The measure is that of the task (mean IoU or mAP) on all held-out pictures, by default those of the synthetic scenes.
Ranges are measured on training pictures. Each file has one line: measure, size and time as fractions of the float32
file's, and the notes of the report. With `--mediapipe` the files of a one-stage detector are those for MediaPipe, whose
ObjectDetector decodes their boxes.
"""

import argparse
import tempfile
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import tensorflow as tf

from keras_cnns import tasks
from keras_cnns.tflite import export
from keras_cnns.tflite.file.convert import load, output_names
from keras_cnns.tflite.verify import measures
from keras_cnns.training import Recipe

CALIBRATION, COMPARED, BATCH = 64, 48, 10
SCHEMES = ("float32", "int8")


@contextmanager
def in_litert(file, count):
    """The answers of the file, as its Keras model gives them."""
    from ai_edge_litert.interpreter import Interpreter

    runs = Interpreter(model_path=str(file), num_threads=2).get_signature_runner()

    def answers(image, training):
        parts = [runs(image=item[None]) for item in image.numpy()]
        joined = {key: tf.constant(np.concatenate([part[key] for part in parts])) for key in parts[0]}
        return joined if len(joined) > 1 else next(iter(joined.values()))

    yield answers


@contextmanager
def in_mediapipe(file, count):
    """The same of MediaPipe's ObjectDetector, with its own suppression: at most `count` boxes, scores from 0.01."""
    import mediapipe
    from mediapipe.tasks import python as tasks_of_mediapipe
    from mediapipe.tasks.python import vision

    base = tasks_of_mediapipe.BaseOptions(model_asset_path=str(file))
    options = vision.ObjectDetectorOptions(base_options=base, score_threshold=0.01, max_results=count)
    with vision.ObjectDetector.create_from_options(options) as detector:

        def answers(image, training):
            boxes = np.zeros((len(image), count, 4), "float32")
            classes, scores = np.full((len(image), count), -1), np.zeros((len(image), count), "float32")
            for number, picture in enumerate(np.rint(image).astype("uint8")):
                shown = mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
                for slot, detection in enumerate(detector.detect(shown).detections):
                    box, best = detection.bounding_box, detection.categories[0]
                    right, bottom = box.origin_x + box.width, box.origin_y + box.height
                    boxes[number, slot] = box.origin_x, box.origin_y, right, bottom
                    classes[number, slot], scores[number, slot] = int(best.category_name), best.score
            return {"boxes": tf.constant(boxes), "classes": tf.constant(classes), "scores": tf.constant(scores)}

        yield answers


def first_pictures(task, split, count):
    """The first pictures of a split as float32 [at most count, H, W, C], without augmentation."""
    pictures, _, weight = next(iter(task.load(split, count, training=False).dataset))
    return pictures.numpy()[weight.numpy() > 0]  # the others fill the last batch


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", help="a trained .keras file")
    parser.add_argument("--dataset", default="scenes", help="a data set with boxes or masks; scenes by default")
    parser.add_argument("--mediapipe", action="store_true", help="run the files in MediaPipe's ObjectDetector")
    flags = parser.parse_args()
    model = load(flags.model)
    (_, height, width, channels) = model.input_shape
    detects = set(output_names(model)) == set(measures.DETECTOR)
    name = "faster_rcnn" if detects else "fcn8s"
    task = tasks.of(Recipe(model=name, input_shape=(height, width, channels), dataset=flags.dataset))
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

    seen, shown = first_pictures(task, "train", CALIBRATION), first_pictures(task, "test", COMPARED)
    answer = tf.function(lambda image: model(image, training=False))
    print("Keras", measured(lambda image, training: answer(image)), flush=True)
    options = {"calibration": seen, "images": shown, "force": True}
    if flags.mediapipe:
        options |= {"target": "mediapipe", "names": data.names}
    with tempfile.TemporaryDirectory() as folder:
        for scheme in SCHEMES:
            file = Path(folder, f"{scheme}.tflite")
            report = export(model, file, scheme=scheme, **options)
            with (in_mediapipe if flags.mediapipe else in_litert)(file, task.detections) as answers:
                print(
                    scheme,
                    measured(answers),
                    f"size {report.size_ratio:.3f}, time {report.latency_ratio:.2f}, {report.status},",
                    {k: round(v, 4) for k, v in report.comparisons[0].judged().items()},
                    flush=True,
                )


if __name__ == "__main__":
    main()
