"""The sections of a report about exported files: verdicts, targets, layer errors, contents, class maps."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from keras_cnns.insight.figures import draw
from keras_cnns.insight.report import figures
from keras_cnns.insight.report.html import Section, Table, of_figure, of_pixels
from keras_cnns.insight.report.subject import Subject
from keras_cnns.support.errors import BadArgument
from keras_cnns.tflite.verify.layer_errors import LayerError

COMPARED = 6  # pictures whose class maps are compared
SIDE = 160  # CSS pixels of a picture
ALIKE = 0.95  # correlation of two class maps from which they show the same


def exports(subject: Subject, section: Section) -> None:
    """Exported files and what rounding does to them."""
    if not subject.exports:
        section.missing.append("No report of an export lies beside it: `keras-cnns export` writes NAME.report.json.")
    else:
        rows = [_verdict(row) for row in subject.exports]
        head = ("scheme", "size, MB", "ms, one thread", "same answer", "dB", "accuracy", "verdict")
        section.tables.append(Table("Each file beside its Keras model, when it was exported", head, rows))
        for row in subject.exports:
            _targets(row, section)
    written = [(row, _layers(row)) for row in subject.exports]
    for row, errors in written:
        if errors:
            _draw_errors(errors, Path(str(row.get("path", ""))).name, section)
    if not any(errors for _, errors in written):
        _measured_errors(subject, section)


def _verdict(row: dict[str, Any]) -> tuple[str, ...]:
    (first, *_) = row.get("comparisons") or [{}]
    numbers = [_figure(first.get(key)) for key in ("agreement", "snr_db", "accuracy")]
    return (row["scheme"], f"{row['size_bytes'] / 1e6:.3f}", f"{row.get('latency_ms', 0):.3f}", *numbers, row["status"])


def _targets(row: dict[str, Any], section: Section) -> None:
    """A table of the targets that a file was tried on."""
    rows = []
    for result in row.get("targets") or ():
        placement = result.get("placement") or {}
        costs = [placement.get(key) for key in ("arena_bytes", "sram_bytes", "flash_bytes", "cycles")]
        outside = ", ".join(f"{name} {count}" for name, count in (placement.get("outside") or {}).items())
        reasons = "; ".join(result.get("reasons") or ())
        rows.append((result["target"], result["status"], *(_count(n) for n in costs), outside, reasons))
    if rows:
        head = ("target", "status", "arena, bytes", "SRAM, bytes", "flash, bytes", "cycles", "not accelerated", "why")
        section.tables.append(Table(f"{row['scheme']} on its targets", head, rows))


def _layers(row: dict[str, Any]) -> list[LayerError]:
    return [LayerError(str(e["operator"]), str(e["layer"]), float(e["snr_db"])) for e in row.get("layers") or ()]


def _measured_errors(subject: Subject, section: Section) -> None:
    """The layer errors of an int8 file whose float32 file lies beside it, on held-out pictures."""
    files = sorted(subject.folder.glob("*_int8.tflite"), key=lambda p: ("weight" in p.name, "dynamic" in p.name))
    pairs = [(q, q.with_name(q.name.replace("_int8", "_float32"))) for q in files if "only" not in q.name]
    pairs = [(q, f) for q, f in pairs if f.is_file()]
    if not pairs:
        section.missing.append("Layer errors: no int8 file with its float32 file lies beside it.")
        return
    from keras_cnns.tflite.targets import runner
    from keras_cnns.tflite.verify.layer_errors import layer_errors

    (quantized, reference), (pictures, _, _) = pairs[0], subject.held_out
    (name, *_) = runner.ask("describe", file=str(reference.resolve()))[0]["inputs"]
    errors = layer_errors(quantized.resolve(), reference.resolve(), {name: pictures[:8].astype("float32")})
    if errors:
        _draw_errors(errors, f"{quantized.name} on 8 held-out pictures", section)
    else:
        section.missing.append("Layer errors: the two files have no result in common.")


def _draw_errors(errors: Any, name: str, section: Section) -> None:
    low = min(errors, key=lambda e: e.snr_db)
    alt = f"Signal-to-noise ratio of {len(errors)} results of {name}; lowest {low.snr_db:.1f} dB at {low.layer}"
    caption = f"{name}; lowest: {low.operator} of {low.layer}, {low.snr_db:.1f} dB"
    section.images.append(of_figure(figures.layer_errors(errors), alt, caption))


def contents(subject: Subject, section: Section) -> None:
    """What is in the file: operators and memory."""
    if subject.file is None or subject.file.suffix != ".tflite":
        raise BadArgument("only reports of .tflite files have this part.")
    from keras_cnns.tflite.check.describe import describe
    from keras_cnns.tflite.file.reader import read_contents
    from keras_cnns.tflite.verify.memory_map import live_bytes

    known = describe(subject.file)
    rows = [(row["operator"], f"{row['count']}", f"{row['outside'] or ''}") for row in known["operators"]]
    section.tables.append(Table("Operators", ("operator", "count", "outside XNNPACK"), rows))
    live = live_bytes(read_contents(subject.file))
    if not live:
        section.missing.append("Memory: the file has open shapes.")
        return
    peak = max(range(len(live)), key=lambda i: live[i][1])
    where = f"at operator {peak + 1}, {live[peak][0]}"
    section.lines.append(f"Intermediate results take {live[peak][1]:,} bytes at most, {where}.")
    alt = f"Bytes of intermediate results at each of {len(live)} operators; most {live[peak][1]:,} {where}"
    section.images.append(of_figure(figures.memory_map(live), alt, "Results that a later operator still reads."))


def class_maps(subject: Subject, section: Section) -> None:
    """Whether the file looks at the same places as its model."""
    if subject.file is None or subject.file.suffix != ".tflite":
        raise BadArgument("only reports of .tflite files have this part.")
    from keras_cnns.insight.maps.cam import cam
    from keras_cnns.insight.maps.targets import Class
    from keras_cnns.insight.maps.tflite_file import File

    held_out = subject.held_out[0]
    chosen = np.unique(np.linspace(0, len(held_out) - 1, COMPARED).round().astype(int))  # spread over the classes
    pictures = held_out[chosen].astype("float32")
    maps, classes = File(subject.file).maps("cam", pictures, Class())
    original = subject.original
    if original is None:
        raise BadArgument("the Keras model that it was exported from is not known, or not in the same folder.")
    theirs = np.asarray(cam(original, pictures, classes))
    pairs = zip(maps, theirs, strict=True)
    alike = [float(np.corrcoef(ours.ravel(), other.ravel())[0, 1]) for ours, other in pairs]
    mean = float(np.mean(alike))
    section.lines.append(f"The class maps of the file and of the model correlate by {mean:.3f} on average.")
    if not mean >= ALIKE:
        section.missing.append(f"Warning: below {ALIKE}, the file may be right for other reasons than its model.")
    rows = []
    for picture, ours, other in zip(pictures / 255, maps, theirs, strict=True):
        grey = np.repeat(picture.mean(-1, keepdims=True), 3, -1)
        gap = np.ones((len(grey), 2, 3))
        row = np.concatenate([np.broadcast_to(picture, grey.shape), gap, over(grey, other), gap, over(grey, ours)], 1)
        rows += [row, np.ones((2, row.shape[1], 3))]
    caption = "Picture, Keras model, file; correlations: " + ", ".join(f"{value:.3f}" for value in alike)
    shown = of_pixels(np.concatenate(rows), f"class maps beside each other. {caption}", caption, side=SIDE * len(alike))
    section.images.append(replace(shown, width=3 * SIDE))


def over(grey: np.ndarray, class_map: np.ndarray) -> np.ndarray:
    """A map as colours over a grey picture [h, w, 3] in 0 .. 1."""
    import matplotlib

    positive = np.maximum(class_map, 0)
    shades = matplotlib.colormaps[draw.SHADES](positive / (positive.max() or 1))[..., :3]
    return 0.45 * grey + 0.55 * shades


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _count(value: int | None) -> str:
    return "" if value is None else f"{value:,}"
