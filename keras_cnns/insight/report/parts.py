"""The sections of a report. Each shows its content or says why it is missing."""

from collections.abc import Callable
from typing import Any

import numpy as np

from keras_cnns.data.duplicates import near_duplicates
from keras_cnns.insight.report import figures, measures
from keras_cnns.insight.report.calibration import calibration
from keras_cnns.insight.report.export_parts import class_maps, contents, exports, over
from keras_cnns.insight.report.html import Section, Table, of_figure, of_pixels
from keras_cnns.insight.report.subject import Subject
from keras_cnns.support.errors import BadArgument, UserError, first_line

WRONG, PAIRS = 18, 8  # largest numbers of thumbnails: wrong pictures, pairs of duplicates


# What reading a value of another type or range raises: files of a run may be damaged, or written by another program.
DAMAGED = (KeyError, IndexError, TypeError, ValueError, AttributeError, ArithmeticError)


def sections(subject: Subject) -> list[Section]:
    """All sections, in the order of the report. A section that cannot be shown says why."""
    parts = []
    for fill in _sections_of(subject):
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


def _sections_of(subject: Subject) -> tuple[Callable[[Subject, Section], None], ...]:
    """The sections that fit the subject: contents and class maps are those of an exported file."""
    of_file = subject.file is not None and subject.file.suffix == ".tflite"
    return (
        facts,
        curves,
        classes,
        confidence,
        exports,
        *((contents, class_maps) if of_file else ()),
        wrong,
        duplicates,
    )


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
    """The section on whether the model's confidence matches its accuracy."""
    _, labels, _ = subject.held_out
    measured = calibration(subject.probabilities, labels)
    error = measured.expected_error
    section.lines.append(f"Expected calibration error {error:.4f}, over {len(labels)} held-out pictures in ten bins.")
    alt = f"Reliability diagram: accuracy by confidence in ten bins; expected calibration error {error:.4f}"
    section.images.append(
        of_figure(figures.reliability(measured), alt, "On the dashed line, confidence is the share right.")
    )


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
                [np.broadcast_to(shown, grey.shape), np.ones((len(grey), 2, 3)), over(grey, maps[place])], 1
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
