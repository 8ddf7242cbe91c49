"""MediaPipe Tasks: ImageClassifier for files that answer scores, ImageSegmenter for files that answer a class map,
ObjectDetector for one-stage detectors without their post-processing."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from keras_cnns.support.errors import UnreadableFile, UserError
from keras_cnns.tflite.file.contents import Tensor, TFLiteFile
from keras_cnns.tflite.file.detector_metadata import LOCATION, SCORE
from keras_cnns.tflite.file.metadata_reader import NAME, TensorMetadata, read_metadata
from keras_cnns.tflite.targets import rules
from keras_cnns.tflite.targets.litert import LITERT_REWRITES
from keras_cnns.tflite.targets.process import Runtime, run_child
from keras_cnns.tflite.targets.target import CannotRun, Finding, Outputs, Placement, Rewrites, Severity
from keras_cnns.tflite.targets.tensors import output_scale, quantize

CHANNELS = 3  # MediaPipe hands RGB pictures to a file
ENDS = ("FLOAT32", "UINT8")
NEAR = 0.01  # of a byte: what the arithmetic of a normalization may lose
RUNTIME = Runtime("MediaPipe", "mediapipe", 'pip install "keras_cnns[mediapipe]"')


class MediaPipe:
    """Its Python tasks. They take pictures of bytes and prepare them as the file's metadata says."""

    name = "mediapipe"
    title = "MediaPipe Tasks"
    install = RUNTIME.install

    def rewrites(self) -> Rewrites:
        # it runs LiteRT with XNNPACK
        return replace(LITERT_REWRITES, input_type="uint8", output_type="uint8", byte_pictures=True, raw_boxes=True)

    def findings(self, file: TFLiteFile) -> list[Finding]:
        findings = rules.ends(
            file, ENDS, "error", "MediaPipe takes float32 and uint8 only", "export with input_type uint8 or float32"
        )
        wrong = [t for t in (*file.inputs.values(), *file.outputs.values()) if t.type not in ENDS]
        if findings and all(tensor.type == "INT8" for tensor in wrong):
            fix = "keras-cnns check --fix --target mediapipe makes them uint8"
            findings = [replace(findings[0], fix=fix, fixable=True)]
        findings += rules.several_subgraphs(file, "MediaPipe's ObjectDetector takes one")
        findings += rules.custom_operators(file, "warning")
        image = next(iter(file.inputs.values()), None)
        if len(file.inputs) != 1 or image is None or len(image.shape) != 4 or image.shape[3] != CHANNELS:
            shapes = ", ".join("x".join(map(str, tensor.shape)) for tensor in file.inputs.values())
            message = f"its inputs are {shapes}: MediaPipe gives one picture of three channels"
            findings.append(Finding("input-shape", "error", message, "put a layer before it that takes RGB"))
        elif image.shape[0] != 1 and file.batch is not None:
            message = f"it takes {image.shape[0]} pictures at a time; MediaPipe gives one"
            findings.append(Finding("batch", "error", message, "export with batch=1"))
        return findings + self._metadata_findings(file, image)

    def _metadata_findings(self, file: TFLiteFile, image: Tensor | None) -> list[Finding]:
        fix = "export with normalization= and names=, or write it with MediaPipe's metadata writers"
        if NAME not in file.metadata:
            severity: Severity = "error" if image is not None and image.type == "FLOAT32" else "warning"
            return [Finding("no-metadata", severity, "it has no TFLite metadata, which MediaPipe reads", fix)]
        try:
            metadata = read_metadata(file.metadata[NAME])
        except UnreadableFile as error:
            return [Finding("damaged-metadata", "error", str(error), fix)]
        findings = []
        if image is not None and image.type == "FLOAT32" and not (metadata.inputs and metadata.inputs[0].mean):
            message = "its metadata states no normalization, which MediaPipe needs for float inputs"
            findings.append(Finding("no-normalization", "error", message, fix))
        elif image is not None and image.type == "FLOAT32" and _per_channel(metadata.inputs[0]):
            message = "its metadata normalizes each channel in its own way, which MediaPipe 1.2.3 refuses"
            inside = "put the preprocessing into the model (include_preprocessing=True) and state one mean"
            findings.append(Finding("channel-normalization", "error", message, inside))
        if not any(output.label_files for output in metadata.outputs):
            findings.append(Finding("no-labels", "note", "it names no classes: MediaPipe answers with numbers", fix))
        return findings

    def run(self, file: TFLiteFile, inputs: dict[str, Any]) -> Outputs:
        """Raises CannotRun if the file is neither a classifier nor a segmenter, or if MediaPipe resizes its answers.

        Raises UserError if the file takes floats and the pictures are not bytes, normalized as its metadata states.
        """
        (pixels,) = inputs.values()
        image = next(iter(file.inputs.values()))
        stored = quantize(np.asarray(pixels), image) if image.type == "UINT8" else _bytes(pixels, self._image(file))
        return self._run(file, stored)

    def placement(self, file: TFLiteFile) -> Placement:
        """MediaPipe does not say where its operators run."""
        image = next(iter(file.inputs.values()))
        self._run(file, np.zeros((1, *image.shape[1:]), np.uint8))
        return Placement(operators=len(file.main.operators))

    def _run(self, file: TFLiteFile, pictures: np.ndarray) -> Outputs:
        """The answers to pictures of bytes (N, H, W, C)."""
        outputs = {name: tensor for name, tensor in file.outputs.items() if tensor.type in ENDS}
        if set(outputs) == {LOCATION, SCORE}:
            self._child({"file": str(file.path.resolve()), "task": "detect", "outputs": []}, {"pictures": pictures})
            raise CannotRun(f"MediaPipe runs {file.path.name} and answers boxes, which are not compared.")
        task = "classify" if all(len(tensor.shape) == 2 for tensor in outputs.values()) else "segment"
        single = next(iter(outputs.values()), None)
        if task == "segment" and (len(outputs) != 1 or single is None or len(single.shape) != 4):
            raise CannotRun(f"MediaPipe's ImageClassifier and ImageSegmenter have no use for {file.path.name}.")
        job = {"file": str(file.path.resolve()), "task": task, "outputs": list(outputs)}
        arrays = self._child(job, {"pictures": pictures})
        if single is not None and task == "segment" and arrays[next(iter(outputs))].shape[1:] != single.shape[1:]:
            raise CannotRun(f"MediaPipe runs {file.path.name} and resizes its class map, which is not compared.")
        return Outputs(arrays, {name: output_scale(file, tensor) for name, tensor in outputs.items()})

    def _image(self, file: TFLiteFile) -> TensorMetadata:
        if NAME not in file.metadata:
            return TensorMetadata()
        inputs = read_metadata(file.metadata[NAME]).inputs
        return inputs[0] if inputs else TensorMetadata()

    def _child(self, job: dict[str, Any], inputs: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
        return run_child(RUNTIME, "run", job, inputs)[1]


def _bytes(pixels: Any, image: TensorMetadata) -> np.ndarray:
    """Pictures on the model's scale as bytes, by the metadata's mean and standard deviation.

    Raises:
      UserError: they are not bytes, or the metadata has another number of means than there are channels.
    """
    mean, std = np.asarray(image.mean or 0.0), np.asarray(image.std or 1.0)
    if not {mean.size, std.size} <= {1, CHANNELS}:
        raise UserError(f"the metadata has {mean.size} means and {std.size} deviations for {CHANNELS} channels.")
    exact = np.asarray(pixels) * std + mean
    stored = np.clip(np.rint(exact), 0, 255)
    if not np.all(np.abs(stored - exact) <= NEAR):  # also of values that are no numbers
        raise UserError("MediaPipe takes pictures of bytes: give pictures of whole numbers from 0 to 255.")
    return stored.astype(np.uint8)


# --- in the child process ---------------------------------------------------------------------------------------------


def _run(job: Mapping[str, Any], inputs: Mapping[str, np.ndarray]) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    import mediapipe
    from mediapipe.tasks import python as tasks
    from mediapipe.tasks.python import vision

    base = tasks.BaseOptions(model_asset_path=job["file"])
    pictures = [
        mediapipe.Image(image_format=mediapipe.ImageFormat.SRGB, data=np.ascontiguousarray(picture))
        for picture in inputs["pictures"]
    ]
    outputs: dict[str, list] = {name: [] for name in job["outputs"]}
    if job["task"] == "detect":
        options = vision.ObjectDetectorOptions(base_options=base)
        with vision.ObjectDetector.create_from_options(options) as detector:
            for picture in pictures:
                detector.detect(picture)
        return {}, {}
    if job["task"] == "classify":
        options = vision.ImageClassifierOptions(base_options=base, max_results=-1)
        with vision.ImageClassifier.create_from_options(options) as classifier:
            for picture in pictures:
                heads = classifier.classify(picture).classifications
                for name, head in zip(job["outputs"], heads, strict=True):
                    outputs[name].append(_scores(head))
    else:
        options = vision.ImageSegmenterOptions(base_options=base, output_confidence_masks=True)
        with vision.ImageSegmenter.create_from_options(options) as segmenter:
            for picture in pictures:
                masks = segmenter.segment(picture).confidence_masks
                outputs[job["outputs"][0]].append(np.stack([np.squeeze(m.numpy_view()) for m in masks], -1))
    return {}, {name: np.stack(answers) for name, answers in outputs.items()}


def _scores(head: Any) -> np.ndarray:
    scores = np.zeros(len(head.categories), np.float32)
    for category in head.categories:
        scores[category.index] = category.score
    return scores


JOBS = {"run": _run}


def _per_channel(picture: TensorMetadata) -> bool:
    return any(len(set(values)) > 1 for values in (picture.mean, picture.std))
