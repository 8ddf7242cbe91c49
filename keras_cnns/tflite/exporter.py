"""`Exporter`: one network, read once, and any number of `.tflite` files made from it, each one checked."""

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
from keras_cnns.support.atomic_files import written_aside
from keras_cnns.support.backend import check_tensorflow_backend
from keras_cnns.support.errors import UserError
from keras_cnns.support.temporary_folders import temporary_folder
from keras_cnns.tflite import auto, build_file
from keras_cnns.tflite.aware import convert as aware
from keras_cnns.tflite.aware.source import source_of
from keras_cnns.tflite.file import convert, metadata
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.float_model import FloatModel
from keras_cnns.tflite.inputs.gather import Pictures, gather
from keras_cnns.tflite.inputs.synthetic import WORD, synthetic
from keras_cnns.tflite.quantize import ranges, schemes
from keras_cnns.tflite.quantize.job import Job
from keras_cnns.tflite.quantize.settings import FileSettings
from keras_cnns.tflite.quantize.shared import Shared
from keras_cnns.tflite.rewrite.ends import joined_parts
from keras_cnns.tflite.settings import Description, Ends, Limits, check_path
from keras_cnns.tflite.targets.litert import LITERT_REWRITES
from keras_cnns.tflite.targets.litert_interpreter import CLASS_MAP
from keras_cnns.tflite.targets.table import select
from keras_cnns.tflite.targets.target import Outputs, Rewrites, Target
from keras_cnns.tflite.verify import outputs as judging
from keras_cnns.tflite.verify import verdict
from keras_cnns.tflite.verify.examination import Examination, examine
from keras_cnns.tflite.verify.float_answers import float_answers
from keras_cnns.tflite.verify.layer_errors import layer_errors
from keras_cnns.tflite.verify.on_targets import on_targets, worst
from keras_cnns.tflite.verify.rejection import Rejected, reject, set_aside
from keras_cnns.tflite.verify.report import Report

__all__ = ["Exporter", "Rejected"]
LITERT = "litert"  # always asked
SPLIT = 'the model ends in a Concatenate: head="parts" makes each of its parts an output with a scale of its own'


class Exporter:
    """Makes files of one model: reads its graph once, computes its answers once, and shares what the files share.

    It stands for the model as it is now: after training, make another one.

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
        """Reads the model and the pictures, and computes the model's answers.

        Args:
          model, calibration, images, labels, outputs: as `keras_cnns.tflite.export` takes them.
          ends: what stands before and behind the network.
          description: what travels in the files beside it.
          targets: what the files are meant for: names of `targets.table.TARGETS`, or `Target` objects. LiteRT is always
            asked; a file that fails on another target fails. The first other one decides the forms of operators in
            int8, and the types of integer inputs and outputs where none are given.

        Raises:
          UserError: the model cannot be read, the pictures or labels do not fit it, or there is no such target.
        """
        check_tensorflow_backend("an export")
        self._other_targets = [target for target in _selected(targets) if target.name != LITERT]
        ends, self.description = ends or Ends(), description or Description()
        self.card = self.description.card_of(model)
        self._source = source_of(model)
        float_model = FloatModel.of(ends.around(convert.load(aware.native(model)))).explained(ends.explain)
        synthesize = _synthesizer(float_model) if isinstance(calibration, str) and calibration == WORD else None
        self.pictures = gather(float_model.model, float_model.inputs, calibration, images, labels, synthesize)
        self.float_model = float_model = float_model.sized(self.pictures.images)
        names = {"inputs": float_model.inputs, "outputs": float_model.outputs}
        self.original = float_answers(float_model.model, self.pictures.images, **names)
        self.outputs = judging.judged_outputs(
            float_model.endings(outputs),
            {name: self.original[name] for name in float_model.outputs},
            self.pictures.images,
            self.pictures.labels,
            stated=outputs,
            name=float_model.model.name,
        )
        self._shared = Shared()

    def export(
        self,
        path: str | os.PathLike,
        scheme: str = "float32",
        settings: FileSettings | None = None,
        *,
        force: bool = False,
    ) -> Report:
        """Writes the file `path` in `scheme`, if it stands in for the model; returns the `Report` of the comparison.

        Args:
          path: of a `.tflite` file; it is replaced only by a file that passes.
          scheme: a row of `SCHEMES`.
          settings: types, batch, engine and tuning of the file.
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
                f"{scheme} needs calibration pictures: give calibration=, some dozens as the model takes them."
            )
        job = Job(self.pictures.thinned, settings, self._shared, self._rewrites)
        reference, data = build_file.build(self.float_model, scheme, job)
        normalization = self.description.normalization or _guessed_normalization(self.pictures)
        data = metadata.attach(data, self._labelled_card(scheme), normalization=normalization)
        with written_aside(path) as temporary, temporary_folder() as folder:
            temporary.write_bytes(data)
            float_file = Path(folder, "float32.tflite")
            float_file.write_bytes(reference)
            try:
                examination = examine(temporary, float_file, self.pictures.images)
            except UserError as error:
                other = " Take weight_only_int8, or int8_float_islands." if row.integer_io else ""
                kept = set_aside(path, temporary)
                raise UserError(f"{error}.{other} The file was kept as {kept}.") from error
            report = self._report(path, scheme, job, examination, len(data), len(reference))
            report = self._asked_targets(report, temporary)
            if report.status == "fail":
                layers = [layer.name for layer in sublayers(self.float_model.model, include_self=False)]
                errors = layer_errors(temporary.resolve(), float_file, self.pictures.images, layers)
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
    ) -> Report:
        """Writes the fastest file within the limits; the `candidates` of the report are the files it was chosen from.

        Args:
          path: of a `.tflite` file.
          limits: or its fields `max_drop`, `max_size` and `max_latency` by themselves.
          settings: of every candidate.

        Raises:
          UserError: no scheme keeps within the limits.
        """
        limits = Limits(max_drop, max_size, max_latency) if limits is None else limits
        return auto.choose(self, check_path(path), limits, settings or FileSettings())

    def _report(
        self, path: Path, scheme: str, job: Job, examination: Examination, size: int, reference_size: int
    ) -> Report:
        answers, pictures = examination.answers, self.pictures
        comparisons = self._compared(answers, examination.scales)
        beside = self._beside_source(answers)
        status, reasons = verdict.judge(comparisons, scheme)
        status, reasons = judging.with_source(status, reasons, beside)
        if any(c.scales_differ for c in comparisons) and joined_parts(self.float_model.graph):
            reasons = (*reasons, SPLIT)
        return Report(
            path=str(path),
            model=self.card.name or self.float_model.model.name,
            scheme="int8_qat" if self.float_model.is_quantization_aware else scheme,
            status=status,
            reasons=reasons,
            notes=(
                *pictures.notes_for(schemes.find(scheme).calibrated),
                *job.notes,
                *judging.notes(self.original, answers, self.outputs, comparisons, pictures.are_noise),
                *judging.source_notes(beside),
            ),
            pictures=len(next(iter(pictures.images.values()))),
            comparisons=comparisons,
            source_comparisons=beside,
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
        """The forms that the first target besides LiteRT wants; LiteRT's where there is no other."""
        return self._other_targets[0].rewrites() if self._other_targets else LITERT_REWRITES

    def _with_ends(self, settings: FileSettings, scheme: str) -> FileSettings:
        """The settings with the integer inputs and outputs that the target wants, where none are given."""
        if not schemes.find(scheme).integer_io or settings.integer_io:
            return settings
        return replace(settings, input_type=self._rewrites.input_type, output_type=self._rewrites.output_type)

    def _compared(self, answers: dict[str, np.ndarray], scales: dict[str, float]) -> tuple[verdict.Comparison, ...]:
        options = {"are_noise": self.pictures.are_noise}
        return judging.compare_outputs(self.original, answers, self.outputs, scales, **options)

    def _asked_targets(self, report: Report, file: Path) -> Report:
        """The report with what the targets other than LiteRT say of the file; it fails where one of them does."""

        def judge(outputs: Outputs) -> tuple[str, tuple[str, ...]]:
            scales = {name: outputs.scales.get(name, 0.0) for name in self.outputs}
            comparisons = self._compared(outputs.arrays, scales)
            return verdict.judge(comparisons, report.scheme)

        if not self._other_targets:
            return report
        results = on_targets(self._other_targets, read_contents(file), self.pictures.images, judge)
        lines = [(r.status, f"{r.target}: {reason}") for r in results for reason in r.reasons]
        return replace(
            report,
            status=worst([report.status, *(result.status for result in results)]),
            reasons=(*report.reasons, *(line for status, line in lines if status != "not run")),
            notes=(*report.notes, *(line for status, line in lines if status == "not run")),
            targets=results,
        )

    def _beside_source(self, answers: dict[str, np.ndarray]) -> tuple[verdict.Comparison, ...]:
        """The file beside the model before `quantization_aware`, where that is known."""
        if self._source is None or not self.float_model.is_quantization_aware:
            return ()
        source, outputs = FloatModel.of(self._source), self.float_model.outputs
        original = float_answers(source.model, self.pictures.images, inputs=self.float_model.inputs)
        if len(original) == len(answers):
            original = dict(zip(outputs, original.values(), strict=False))
        known = {
            name: output
            for name, output in self.outputs.items()
            if name in original and original[name].shape == answers[name].shape
        }
        return judging.compare_outputs(original, answers, known, dict.fromkeys(known, 0.0))

    def _labelled_card(self, scheme: str) -> Card:
        """The card that travels in the file: its network, its scheme, the names of its classes."""
        names = self.description.names
        labels = tuple(map(str, self.card.labels if names is None else names))
        answers = [array for name, array in self.original.items() if name != CLASS_MAP]
        classes = answers[0].shape[-1]
        if labels and len(answers) == 1 and len(labels) != classes and not np.issubdtype(answers[0].dtype, np.integer):
            raise UserError(f"there are {len(labels)} names for {classes} outputs.")
        made_of = {**self.card.source, "scheme": scheme, "weights_sha256": self.float_model.weights_digest()}
        return replace(self.card, name=self.card.name or self.float_model.model.name, labels=labels, source=made_of)


def _selected(targets: str | Iterable[str | Target]) -> list[Target]:
    if isinstance(targets, str):
        return list(select(targets))
    return [one for target in targets for one in (select(target) if isinstance(target, str) else (target,))]


def _synthesizer(float_model: FloatModel) -> Any:
    kinds = [ending.kind for ending in float_model.endings()]
    return partial(synthetic, float_model.graph, float_model.inputs, kinds)


def _guessed_normalization(pictures: Pictures) -> metadata.Normalization | None:
    """How pixels from 0 to 255 become what the file takes, when the pictures fill a customary range."""
    values = pictures.calibration or (None if pictures.are_noise else pictures.images)
    if values is None or len(values) != 1:
        return None
    (array,) = values.values()
    customary = ranges.picture_range(float(array.min()), float(array.max()))
    return customary and metadata.normalization(*customary)
