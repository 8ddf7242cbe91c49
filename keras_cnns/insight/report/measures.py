"""Tables and charts of the metrics that a run wrote at its end, one function for each task."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from keras_cnns.insight.report import figures
from keras_cnns.insight.report.html import Section, Table, of_figure

CLASSES = 100  # rows of a table at most


def classification(metrics: Mapping[str, Any], section: Section) -> None:
    """Adds the metrics of `tasks.classification.report` to a section."""
    section.lines.append(f"Accuracy {metrics['accuracy']:.4f} on {metrics['examples']:,} pictures.")
    names = [str(name) for name in metrics["classes"]]
    worst = min(metrics["classes"].items(), key=lambda item: item[1]["f1"])[0]
    alt = f"Confusion matrix of {len(names)} classes; accuracy {metrics['accuracy']:.4f}; lowest F1: {worst}"
    section.images.append(of_figure(figures.confusion(metrics["confusion"], names), alt, "Rows: the true class."))
    rows = [
        (name, *(f"{row[key]:.3f}" for key in ("precision", "recall", "f1")), f"{row.get('support', '')}")
        for name, row in list(metrics["classes"].items())[:CLASSES]
    ]
    section.tables.append(Table("By class", ("class", "precision", "recall", "F1", "pictures"), rows))


def segmentation(metrics: Mapping[str, Any], section: Section) -> None:
    """Adds the metrics of `tasks.segmentation`, counted in pixels, to a section."""
    overall = {"mean_iou": "Mean intersection over union", "pixel_accuracy": "share of pixels right"}
    caption = ", ".join(f"{title} {metrics[key]:.4f}" for key, title in overall.items() if key in metrics)
    section.lines.append(f"{caption}, on {metrics['pixels']:,} pixels.")
    names = [str(name) for name in metrics["classes"]]
    worst = min(metrics["classes"].items(), key=lambda item: _known(item[1]["iou"]))[0]
    alt = f"Confusion matrix of the pixels of {len(names)} classes; lowest intersection over union: {worst}"
    section.images.append(of_figure(figures.confusion(metrics["confusion"], names), alt, "Rows: the true class."))
    rows = [
        (name, _share(row["accuracy"]), _share(row["iou"]), f"{row['pixels']:,}")
        for name, row in list(metrics["classes"].items())[:CLASSES]
    ]
    head = ("class", "share right", "intersection over union", "pixels")
    section.tables.append(Table("By class", head, rows))


def detection(metrics: Mapping[str, Any], section: Section) -> None:
    """Adds the metrics of `tasks.detection` to a section: average precision and kinds of mistakes."""
    section.lines.append(
        f"Mean average precision {metrics['map']:.4f} (overlaps of .5 to .95), {metrics['map_50']:.4f} at an overlap"
        f" of .5, on {metrics['examples']:,} pictures."
    )
    titles = {"map_75": "at an overlap of .75", "map_small": "of small boxes", "map_medium": "of medium boxes"}
    titles |= {"map_large": "of large boxes", "recall": "recall", "voc_2007": "by the rule of VOC 2007"}
    rows = [(title, _share(metrics[key])) for key, title in titles.items() if key in metrics]
    section.tables.append(Table("Average precision", (), rows, facts=True))
    rows = [(name, _share(value)) for name, value in list(metrics["classes"].items())[:CLASSES]]
    section.tables.append(Table("By class", ("class", "average precision at .5"), rows))
    if metrics.get("mistakes"):
        titles = {"class": "another class", "place": "the wrong place", "double": "found twice"}
        titles |= {"background": "nothing is there", "missed": "not found"}
        rows = [(titles.get(kind, kind), f"{count:,}") for kind, count in metrics["mistakes"].items()]
        section.tables.append(Table("What was found, and what is wrong with it", ("", "boxes"), rows))


def multilabel(metrics: Mapping[str, Any], section: Section) -> None:
    """Adds the metrics of `tasks.multilabel` to a section."""
    section.lines.append(
        f"Mean average precision {metrics['mean_average_precision']:.4f} of {len(metrics['classes'])} labels, F1 "
        f"{metrics['f1']:.4f} at one half, all labels right on {metrics['exact']:.1%} of {metrics['examples']:,} "
        "pictures."
    )
    keys = ("average_precision", "precision", "recall", "f1")
    rows = [
        (name, *(_share(row[key]) for key in keys), f"{row['support']:,}")
        for name, row in list(metrics["classes"].items())[:CLASSES]
    ]
    head = ("label", "average precision", "precision", "recall", "F1", "pictures")
    section.tables.append(Table("By label", head, rows))


def draw(metrics: Mapping[str, Any], section: Section) -> bool:
    """Adds the metrics of the run's task. Returns False if the run wrote no metrics of a known kind."""
    kinds = {"mean_iou": segmentation, "map": detection, "accuracy": classification}
    kinds |= {"mean_average_precision": multilabel}
    add = next((function for key, function in kinds.items() if key in metrics), None)
    if add:
        add(metrics, section)
    return bool(add)


def _known(value: float | None) -> float:
    return np.inf if value is None or value < 0 else value


def _share(value: float | None) -> str:
    """A fraction with three decimals; "" if no picture had the class."""
    return "" if value is None or value < 0 or value != value else f"{value:.3f}"
