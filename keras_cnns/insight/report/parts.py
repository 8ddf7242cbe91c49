"""The sections of a report. Each shows its content or says why it is missing."""

from typing import Any

import numpy as np

from keras_cnns.data.duplicates import near_duplicates
from keras_cnns.insight.figures import draw
from keras_cnns.insight.report import figures, measures
from keras_cnns.insight.report.calibration import calibration
from keras_cnns.insight.report.html import Section, Table, of_figure, of_pixels
from keras_cnns.insight.report.subject import Subject
from keras_cnns.support.errors import BadArgument, UserError, first_line

WRONG, PAIRS = 18, 8  # largest numbers of thumbnails: wrong pictures, pairs of duplicates


# What reading a value of another type or range raises: files of a run may be damaged, or written by another program.
DAMAGED = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)


def sections(subject: Subject) -> list[Section]:
    """All sections, in the order of the report. A section that cannot be shown says why."""
    parts = []
    for fill in (facts, curves, classes, confidence, exports, wrong, duplicates):
        section = Section(fill.__name__, (fill.__doc__ or "").split(".")[0])
        try:
            fill(subject, section)
        except UserError as error:
            section.missing.append(f"Not shown: {error}")
        except DAMAGED as error:
            section.missing.append(
                f"Not shown: a file of {subject.folder} is damaged or from another program ({first_line(error)})."
            )
        parts.append(section)
    return parts


def facts(subject: Subject, section: Section) -> None:
    """What it is."""
    rows = [("name", subject.name), ("file", str(subject.file) if subject.file else "none yet")]
    if subject.file is None:
        section.missing.append("The run was interrupted before its first model was written.")
    else:
        rows.append(("size", f"{subject.file.stat().st_size / 1e6:.2f} MB"))
    if subject.model is not None:
        from keras_cnns.profiling.layer_table import profile

        table = profile(subject.model)
        shapes = [" x ".join("any" if n is None else str(n) for n in t.shape[1:]) for t in subject.model.inputs]
        rows += [("input", "; ".join(shapes)), ("parameters", f"{table.params:,}")]
        rows += [("multiply-adds of one picture", f"{table.macs:,}"), ("layers", f"{len(table)}")]
    elif subject.file is not None:
        rows.append(("input", " x ".join(map(str, subject.shape))))
    if subject.card.labels:
        rows.append(("classes", f"{len(subject.card.labels)}: {', '.join(map(str, subject.card.labels[:20]))}"))
    source = subject.card.source
    begun = subject.recipe.get("weights") or subject.recipe.get("initial_weights") or source.get("weights")
    if begun:
        rows.append(("weights came from", str(begun)))
    elif subject.recipe:
        rows.append(("weights came from", "random values, trained by the recipe below"))
    else:
        section.missing.append("Where its weights came from is not written in it.")
    versions = source.get("versions") or {}
    if versions:
        rows.append(("made with", ", ".join(f"{package} {version}" for package, version in versions.items())))
    section.tables.append(Table("Facts", (), rows, facts=True))
    if subject.recipe:
        plain = [(k.replace("_", " "), _plain(v)) for k, v in subject.recipe.items() if v not in (None, "", [], {})]
        section.tables.append(Table("The recipe", (), plain, facts=True, folded=True))


def curves(subject: Subject, section: Section) -> None:
    """How it learned."""
    if not subject.history:
        raise BadArgument("there is no history.csv beside it.")
    last, asked = len(subject.history), subject.recipe.get("epochs")
    if asked and last < asked:
        section.missing.append(f"The run was interrupted: {last} of {asked} epochs are there.")
    for figure, title, end in figures.curves(subject.history):
        caption = f"After {last} epoch{'s' * (last > 1)}: {end}."
        section.images.append(of_figure(figure, f"{title}. {caption}", caption))


def classes(subject: Subject, section: Section) -> None:
    """What it gets right and what it confuses."""
    if measures.draw(subject.metrics, section):
        section.lines.insert(0, "Figures that the run wrote down itself, at its end.")
        return
    from keras_cnns.tasks.classification.measures import report

    _, labels, class_names = subject.held_out
    answers, names = subject.probabilities, [str(name) for name in class_names]
    matrix = np.zeros((len(names),) * 2, "int64")
    np.add.at(matrix, (labels, answers.argmax(1)), 1)
    own = answers[np.arange(len(labels)), labels]
    loss, better = -np.log(np.maximum(own, 1e-12)).sum(), (answers > own[:, None]).sum(1)
    section.lines.append(f"Measured for this page, on {len(labels)} held-out pictures of {subject.dataset}.")
    measures.classification(report((matrix, np.array([loss, (better >= 5).sum()])), names), section)


def confidence(subject: Subject, section: Section) -> None:
    """Whether its confidence can be believed."""
    _, labels, _ = subject.held_out
    measured = calibration(subject.probabilities, labels)
    error = measured.expected_error
    section.lines.append(f"Expected calibration error {error:.4f}, over {len(labels)} held-out pictures in ten bins.")
    alt = f"Reliability diagram: accuracy by confidence in ten bins; expected calibration error {error:.4f}"
    section.images.append(
        of_figure(figures.reliability(measured), alt, "On the dashed line, confidence is the share right.")
    )


def exports(subject: Subject, section: Section) -> None:
    """Exported files and what rounding does to them."""
    if subject.exports:
        rows = []
        for row in subject.exports:
            (first, *_) = row.get("comparisons") or [{}]
            figures_ = [first.get(key) for key in ("agreement", "snr_db", "accuracy")]
            sizes = (f"{row['size_bytes'] / 1e6:.3f}", f"{row.get('latency_ms', 0):.3f}")
            rows.append((row["scheme"], *sizes, *(_figure(value) for value in figures_), row["status"]))
        head = ("scheme", "size, MB", "ms, one thread", "same answer", "dB", "accuracy", "verdict")
        section.tables.append(Table("Each file beside its Keras model, when it was exported", head, rows))
    else:
        section.missing.append("No report of an export lies beside it.")
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
    if not errors:
        section.missing.append("Layer errors: the two files have no result in common.")
        return
    low = min(errors, key=lambda e: e.snr_db)
    alt = (
        f"Signal-to-noise ratio of {len(errors)} results of {quantized.name}; lowest {low.snr_db:.1f} dB at {low.layer}"
    )
    section.images.append(of_figure(figures.layer_errors(errors), alt, f"{quantized.name} on 8 held-out pictures"))


def wrong(subject: Subject, section: Section) -> None:
    """Pictures it gets wrong."""
    pictures, labels, names = subject.held_out
    answers = subject.probabilities
    mistakes = np.flatnonzero(answers.argmax(1) != labels)
    mistakes = mistakes[np.argsort(-answers[mistakes].max(1))][:WRONG]  # the surest mistakes first
    total = int((answers.argmax(1) != labels).sum())
    section.lines.append(f"{total} of {len(labels)} held-out pictures; the surest mistakes first.")
    if not len(mistakes):
        return
    maps = _maps(subject, pictures[mistakes], answers[mistakes].argmax(1), section)
    for place, index in enumerate(mistakes):
        answer, sure, true = answers[index].argmax(), answers[index].max(), names[labels[index]]
        shown = pictures[index] / 255
        if maps is not None:
            grey = np.repeat(shown.mean(-1, keepdims=True), 3, -1)
            shown = np.concatenate(
                [np.broadcast_to(shown, grey.shape), np.ones((len(grey), 2, 3)), _over(grey, maps[place])], 1
            )
        caption = f"true: {true}; answered: {names[answer]} ({sure:.0%})"
        section.thumbnails.append(of_pixels(shown, f"held-out picture {index}, {caption}", caption, side=240))


def _maps(subject: Subject, pictures: np.ndarray, answers: np.ndarray, section: Section) -> np.ndarray | None:
    """Grad-CAM of the wrong answers, or None with the reason written down."""
    if subject.model is None:
        section.missing.append("Without maps: a .tflite file has no gradients.")
        return None
    from keras_cnns.insight.maps.grad_cam import grad_cam

    try:
        maps = grad_cam(subject.model, pictures.astype("float32"), answers)
    except UserError as error:
        section.missing.append(f"Without maps: {error}")
        return None
    section.lines.append("Right of each picture: Grad-CAM of the wrong answer, light where it speaks for it.")
    return maps


def _over(grey: np.ndarray, class_map: np.ndarray) -> np.ndarray:
    import matplotlib

    shades = matplotlib.colormaps[draw.SHADES](class_map / (class_map.max() or 1))[..., :3]
    return 0.45 * grey + 0.55 * shades


def duplicates(subject: Subject, section: Section) -> None:
    """Held-out pictures that nearly are training pictures."""
    held_out, _, _ = subject.held_out
    training, _, _ = subject.split("train")
    pairs = near_duplicates(training, held_out, most=1000)
    section.lines.append(
        f"{len(pairs)} of {len(held_out)} held-out pictures correlate by 0.995 or more with one of {len(training)} "
        "training pictures, as 16 x 16 grey values."
    )
    for first, second, alike in pairs[:PAIRS]:
        shown = np.concatenate([training[first], np.full_like(training[first][:, :2], 255), held_out[second]], 1) / 255
        caption = f"training {first}, held out {second}: {alike:.4f}"
        section.thumbnails.append(of_pixels(shown, f"pair of near duplicates, {caption}", caption, side=240))


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4g}"


def _plain(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items() if v not in (None, "", [], {}))
    if isinstance(value, list | tuple):
        return ", ".join(map(_plain, value))
    return f"{value:g}" if isinstance(value, float) else str(value)
