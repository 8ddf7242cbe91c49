"""`Exporter`: makes checked `.tflite` files of one network, which it reads once."""

import copy
import os
import time
from collections.abc import Iterable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import keras
import numpy as np

from keras_cnns.graph.keras_internals import sublayers
from keras_cnns.saving.card import Card
from keras_cnns.support import progress
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.backend import check_tensorflow_backend
from keras_cnns.support.errors import BadArgument, UserError
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.support.validation import short
from keras_cnns.tflite import auto, build_file, memory_needed
from keras_cnns.tflite.aware import convert as aware
from keras_cnns.tflite.aware.source import source_of
from keras_cnns.tflite.file import convert, flatbuffer, metadata, versions
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.inputs.gather import gather
from keras_cnns.tflite.inputs.structures import Inputs
from keras_cnns.tflite.inputs.synthetic import WORD, synthetic
from keras_cnns.tflite.original import Original
from keras_cnns.tflite.picture_bytes import as_bytes, guessed_normalization
from keras_cnns.tflite.quantize import schemes
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.quantize.settings import FileSettings
from keras_cnns.tflite.quantize.shared import Shared
from keras_cnns.tflite.rewrite.ends import joined_parts, with_ends
from keras_cnns.tflite.rewrite.raw_boxes import head_of
from keras_cnns.tflite.settings import FASTEST, Description, Ends, Limits, check_path
from keras_cnns.tflite.targets.litert import LITERT_REWRITES
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP
from keras_cnns.tflite.targets.table import select
from keras_cnns.tflite.targets.target import Outputs, Rewrites, Target
from keras_cnns.tflite.verify import outputs as judging
from keras_cnns.tflite.verify import verdict
from keras_cnns.tflite.verify.examination import Examination, examine
from keras_cnns.tflite.verify.layer_errors import layer_errors
from keras_cnns.tflite.verify.on_targets import on_targets, renamed, worst
from keras_cnns.tflite.verify.rejection import Rejected, reject, set_aside
from keras_cnns.tflite.verify.report import Report

__all__ = ["Exporter", "Rejected"]
SPLIT = 'the model ends in a Concatenate: head="parts" makes each of its parts an output with a scale of its own'


class Exporter:
    """Makes `.tflite` files of one model. It reads the graph and computes the model's answers only once.

    It keeps the model as it is now: make another one after further training.

    >>> exporter = Exporter(model, calibration=pictures, images=images, labels=labels)
    >>> exporter.export("float16.tflite", "float16").size_ratio
    >>> exporter.export("int8.tflite", "int8", FileSettings(input_type="uint8")).accuracy_drop
    >>> exporter.auto("best.tflite", max_drop=0.005).scheme
    """

    def __init__(
        self,
        model: keras.Model | str | os.PathLike,
        *,
        calibration: Any = None,
        images: Any = None,
        labels: Any = None,
        outputs: Any = None,
        ends: Ends | None = None,
        description: Description | None = None,
        targets: str | Iterable[str | Target] = "litert",
    ) -> None:
        """Reads the model and the pictures, and computes the model's answers to them.

        Args:
          model, calibration, images, labels, outputs: as `keras_cnns.tflite.export` takes them.
          ends: preprocessing before the network and the head behind it.
          description: metadata of the files.
          targets: what the files are meant for: names of `targets.table.TARGETS`, or `Target` objects. Every file also
            runs on LiteRT. A file that fails on any target fails. The first target other than LiteRT decides the forms
            of operators in int8, and the types of inputs and outputs where the settings leave them at float32.

        Raises:
          UserError: the model cannot be read, pictures or labels do not fit it, a target is unknown, or there is too
            little memory.
        """
        check_tensorflow_backend("an export")
        self.other_targets = [target for target in _selected(targets) if target.name != "litert"]
        ends, self.description = ends or Ends(), description or Description()
        self.card = self.description.card_of(model)
        keras_model = convert.load(aware.native(model))
        head, self._decoding = head_of(keras_model, ends.head, wanted=self._rewrites.raw_boxes)
        keras_model = with_ends(keras_model, ends.preprocessing, head, ends.k)
        float_model = FloatModel.of(keras_model).explained(ends.explain)
        memory_needed.check(float_model.model)
        synthesize = _synthesizer(float_model) if isinstance(calibration, str) and calibration == WORD else None
        inputs = Inputs(float_model.model, float_model.inputs)
        pictures = gather(inputs, calibration, images, labels, synthesize)
        self.pictures = as_bytes(pictures, self.description.normalization, self.other_targets)
        self.float_model = float_model.sized(self.pictures.images)
        self.original = Original.of(self.float_model, self.pictures, outputs, source_of(model))
        self._shared = Shared()

    def with_targets(self, targets: str | Iterable[str | Target]) -> "Exporter":
        """An exporter of the same model for other targets. It shares all that was read and computed.

        Raises:
          UserError: a target is unknown.
        """
        twin = copy.copy(self)
        twin.other_targets = [target for target in _selected(targets) if target.name != "litert"]
        return twin

    def export(
        self,
        path: str | os.PathLike,
        scheme: str = "float32",
        settings: FileSettings | None = None,
        *,
        layers: bool = False,
        force: bool = False,
    ) -> Report:
        """Writes the file `path` in `scheme` if its answers are the model's; returns the `Report` of the comparison.

        Args:
          path: of a `.tflite` file; it is replaced only by a file that passes.
          scheme: a row of `SCHEMES`.
          settings: types, batch, engine and tuning of the file.
          layers: measure the error of every layer of a file that passes, too; otherwise only of one that fails.
          force: write a failing file all the same.

        Raises:
          UserError: an argument does not fit the scheme, or the model cannot be converted.
          Rejected: the file fails the comparison; it is kept beside `path` as `NAME.rejected.tflite`.
        """
        started, path, settings = time.perf_counter(), check_path(path), settings or FileSettings()
        settings = self._with_ends(settings, scheme)
        row = schemes.check(scheme, settings, has_pictures=self.pictures.calibration is not None)
        if row.calibrated and self.pictures.calibration is None and not self.float_model.is_quantization_aware:
            raise UserError(
                f"{scheme} needs calibration pictures: give calibration=, a few dozen as the model takes them."
            )
        memory_needed.check(self.float_model.model, calibrated=row.activations)
        job = Job(self.pictures.thinned, settings, self._shared, self._rewrites)
        with progress.step(f"converting to {scheme}"):
            reference, data = build_file.build(self.float_model, scheme, job)
        normalization = self.description.normalization or guessed_normalization(self.pictures)
        card = self._labelled_card(scheme)
        model = flatbuffer.read(data)
        versions.declare(model)
        data = metadata.attach(model, card, normalization=normalization, decoding=self._decoding)
        size = len(data)
        with written_aside(path) as temporary, temporary_folder() as folder:
            temporary.write_bytes(data)
            del model, data  # as large as the file
            float_file = Path(folder, "float32.tflite")
            float_file.write_bytes(reference)
            try:
                examination = examine(temporary, float_file, self.pictures.images)
            except UserError as error:
                other = " Take weight_only_int8, or int8_float_islands." if row.integer_io else ""
                kept = set_aside(path, temporary)
                raise UserError(f"{error}.{other} The file was kept as {kept}.") from error
            report = self._report(path, scheme, job, examination, size, len(reference))
            report = self._with_targets(report, temporary)
            if report.status == "fail" or (layers and scheme != "float32"):
                names = [layer.name for layer in sublayers(self.float_model.model, include_self=False)]
                with progress.step("measuring the error of every layer"):
                    errors = layer_errors(temporary.resolve(), float_file, self.pictures.images, names)
                report = replace(report, layers=errors)
            report = replace(report, seconds=time.perf_counter() - started)
            if report.status == "fail" and not force:
                reject(path, temporary, report, row.calibrated)
        return report

    def auto(
        self,
        path: str | os.PathLike,
        limits: Limits | None = None,
        settings: FileSettings | None = None,
        *,
        max_drop: float = 0.01,
        max_size: float | None = None,
        max_latency: float | None = None,
        goal: str = FASTEST,
    ) -> Report:
        """Writes the best file within the limits; the report's `candidates` are all files that were compared.

        Args:
          path: of a `.tflite` file.
          limits: may be given as `max_drop`, `max_size`, `max_latency` and `goal` instead.
          settings: of every candidate; its `max_size` is ignored.

        Raises:
          UserError: no file keeps within the limits.
        """
        limits = Limits(max_drop, max_size, max_latency, goal) if limits is None else limits
        return auto.choose(self, check_path(path), limits, settings or FileSettings())

    def _report(
        self, path: Path, scheme: str, job: Job, examination: Examination, size: int, reference_size: int
    ) -> Report:
        answers, original = examination.answers, self.original
        comparisons = original.compare(answers, examination.scales)
        with_source = original.compare_with_source(answers)
        status, reasons = judging.with_source(*verdict.judge(comparisons, scheme), with_source)
        if any(c.scales_differ for c in comparisons) and joined_parts(self.float_model.graph):
            reasons = (*reasons, SPLIT)
        return Report(
            path=str(path),
            model=self.card.name or self.float_model.model.name,
            scheme="int8_qat" if self.float_model.is_quantization_aware else scheme,
            status=status,
            reasons=reasons,
            notes=(
                *self.pictures.notes_for(schemes.find(scheme).calibrated),
                *job.notes,
                *judging.notes(original.answers, answers, original.outputs, comparisons, self.pictures.are_noise),
                *judging.source_notes(with_source),
            ),
            pictures=len(next(iter(self.pictures.images.values()))),
            comparisons=comparisons,
            source_comparisons=with_source,
            sensitivities=tuple(job.sensitivities),
            size_bytes=size,
            size_ratio=size / reference_size,
            operators=examination.operators,
            undelegated=examination.undelegated,
            latency_ms=examination.latency_ms,
            latency_ratio=examination.latency_ratio,
            seconds=0.0,
        )

    @property
    def _rewrites(self) -> Rewrites:
        """The forms of operators for the first target other than LiteRT, or for LiteRT if there is no other."""
        return self.other_targets[0].rewrites() if self.other_targets else LITERT_REWRITES

    def _with_ends(self, settings: FileSettings, scheme: str) -> FileSettings:
        """The settings with the target's types of inputs and outputs where they are left at float32."""
        if not schemes.find(scheme).integer_io or settings.integer_io:
            return settings
        output_type = "float32" if self._decoding else self._rewrites.output_type
        return replace(settings, input_type=self._rewrites.input_type, output_type=output_type)

    def _with_targets(self, report: Report, file: Path) -> Report:
        """The report with the results of the targets other than LiteRT; it fails where one of them fails."""
        if not self.other_targets:
            return report

        def judge(outputs: Outputs) -> tuple[str, tuple[str, ...]]:
            scales = {name: outputs.scales.get(name, 0.0) for name in self.original.outputs}
            return verdict.judge(self.original.compare(outputs.arrays, scales), report.scheme)

        with progress.step(f"running it on {', '.join(target.name for target in self.other_targets)}"):
            results = on_targets(self.other_targets, read_contents(file), self.pictures.images, judge)
        results = renamed(results, file.name, Path(report.path).name)
        lines = [(result.status, f"{result.target}: {reason}") for result in results for reason in result.reasons]
        return replace(
            report,
            status=worst([report.status, *(result.status for result in results)]),
            reasons=(*report.reasons, *(line for status, line in lines if status != "not run")),
            notes=(*report.notes, *(line for status, line in lines if status == "not run")),
            targets=results,
        )

    def _labelled_card(self, scheme: str) -> Card:
        """The card stored in the file: name of the network, scheme, class names, digest of the weights."""
        names = self.description.names
        labels = tuple(map(str, self.card.labels if names is None else names))
        answers = [array for name, array in self.original.answers.items() if name != CLASS_MAP]
        classes = answers[0].shape[-1]
        if labels and len(answers) == 1 and len(labels) != classes and not np.issubdtype(answers[0].dtype, np.integer):
            raise UserError(f"there are {len(labels)} names for {classes} outputs: give a name for each.")
        made_of = {**self.card.source, "scheme": scheme, "weights_sha256": self.float_model.weights_digest()}
        return replace(self.card, name=self.card.name or self.float_model.model.name, labels=labels, source=made_of)


def _selected(targets: str | Iterable[str | Target]) -> list[Target]:
    if isinstance(targets, str):
        return list(select(targets))
    if not isinstance(targets, Iterable):
        raise BadArgument(f"target is {short(targets)}: give the name of a target, or a list of them.")
    lists = [select(target) if isinstance(target, str) else (target,) for target in targets]
    return [target for selected in lists for target in selected]


def _synthesizer(float_model: FloatModel) -> Any:
    kinds = [ending.kind for ending in float_model.endings()]
    return partial(synthetic, float_model.graph, float_model.inputs, kinds)
