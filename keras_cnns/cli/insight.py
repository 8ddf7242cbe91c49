"""The commands `keras-cnns explain`, `compare`, `report` and `search`: arguments in, files and tables out."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import tyro

from keras_cnns.support.console import Json, print_json, show, table_of
from keras_cnns.support.errors import UserError, printable

Open = Annotated[bool, tyro.conf.arg(name="open")]


def explain(
    model: str,
    pictures: tuple[str, ...] = (),
    /,
    *,
    method: str = "grad_cam",
    filters: bool = False,
    target: int | None = None,
    output: str | None = None,
    layer: str | None = None,
    channel: int | None = None,
    pixels: tuple[float, float] = (0.0, 255.0),
    out: str = "runs/explain",
    open_: Open = False,
    as_json: Json = False,
) -> None:
    """Draws which parts of pictures a prediction depends on, and what the layers of a model respond to.

    Args:
        model: a .keras file; a .tflite file for occlusion, and for cam where it was exported with --explain cam
        pictures: files in any common format
        method: grad_cam, grad_cam_plus_plus, cam, occlusion, integrated_gradients, saliency, guided_backprop,
            guided_grad_cam, deconvnet, feature_maps or maximize
        filters: draw the filters of the first layer, or of --layer, instead
        target: number of the class to explain; by default the predicted class
        output: number or name of the output with that class, for a model with several outputs; by default the first
        layer: the layer whose maps are weighted or shown
        channel: channel of that layer, for deconvnet and maximize
        pixels: the model's values for black and white, such as 0 1, if it has no preprocessing inside
        out: the folder for the files
        open_: show the files
    """
    from keras_cnns.insight import explain as explanations

    if filters:
        files = [explanations.show_filters(model, out=out, layer=layer)]
    else:
        low, high = pixels
        files = explanations.explain(
            model,
            pictures,
            method,
            out=out,
            target=target,
            output=int(output) if output and output.isdigit() else output,
            layer=layer,
            channel=channel,
            low=low,
            high=high,
        )
    show_files(files, open_, as_json)


def compare(
    patterns: tuple[str, ...] = ("*",),
    /,
    *,
    out: str | None = None,
    measure: str | None = None,
    target: str | None = None,
    ram: str | None = None,
    flash: str | None = None,
    as_json: Json = False,
) -> None:
    """Compares networks: published accuracy, operations and parameters; the Pareto front is marked with *.

    Args:
        patterns: shell patterns of names, such as "mobilenet*" "efficientnet*"
        out: a .png, .svg or .html file for the bubble chart
        measure: also export each network in this scheme (float32, ...) and time the file on this machine
        target: also show which networks fit on a runtime or chip: tflite-micro, ethos-u55-128 ...
        ram: memory of the target, such as 256k
        flash: of the target, such as 1M; networks with more parameters than bytes of flash are not built
    """
    from dataclasses import asdict

    from keras_cnns.insight import compare as comparison

    options = {"measure": measure, "target": target, "ram": ram, "flash": flash}
    rows = comparison.compare(*patterns, **options, alongside=lambda name: print(f"measuring {name}", file=sys.stderr))
    if out:
        comparison.write(rows, out)
    if as_json:
        return print_json([asdict(row) for row in rows])
    ends = comparison.TARGET_HEAD if target else ()
    table = table_of(comparison.HEAD[0], *(f">{title}" for title in comparison.HEAD[1:]), *ends)
    for row in rows:
        table.add_row(*comparison.cells(row), *(comparison.target_cells(row) if target else ()))
    show(table)
    if any(row.estimated for row in rows):
        show(f"{comparison.ESTIMATED}.")
    show(f"{comparison.SOURCE}. *: on the Pareto front.")
    if out:
        print(out)


def report(
    subject: str,
    /,
    *,
    out: str | None = None,
    dataset: str | None = None,
    data_dir: str | None = None,
    open_: Open = False,
    as_json: Json = False,
) -> None:
    """Writes an HTML report of a run or a model file: curves, confusion, calibration, mistakes, near duplicates.

    Args:
        subject: the folder of a run, or a .keras or .tflite file
        out: the .html file; by default in the run's folder, or beside the file
        dataset: the pictures; by default those of its recipe
        data_dir: the folder of tensorflow-datasets
        open_: show the report
    """
    from keras_cnns.insight.report import report as run

    show_files([run(subject, out, dataset=dataset, data_dir=data_dir)], open_, as_json)


def search(
    folder: str,
    queries: tuple[str, ...] = (),
    /,
    *,
    model: str,
    count: int = 8,
    map_: Annotated[bool, tyro.conf.arg(name="map")] = False,
    pixels: tuple[float, float] = (0.0, 255.0),
    out: str = "runs/search",
    open_: Open = False,
    as_json: Json = False,
) -> None:
    """Finds the pictures of a folder that are most similar to others, by a network's features.

    The folder keeps an index, so that a later search is fast.

    Args:
        folder: a folder with pictures, which may be in subfolders
        queries: pictures to search for
        model: the .keras file of a network that was trained on pictures
        count: number of results for each query
        map_: also draw all pictures of the folder on a map, with similar ones near each other
        pixels: the model's values for black and white, such as 0 1, if it has no preprocessing inside
        out: the folder for the sheets
        open_: show the files
    """
    from keras_cnns.insight import search as pictures

    if not queries and not map_:
        raise UserError("nothing to do: give pictures to look for, or --map.")
    index = pictures.Index(folder, model, low=pixels[0], high=pixels[1])
    files: list[Path] = []
    for line in index.unread:
        print(f"left out: {line}", file=sys.stderr)
    answers = index.nearest(queries, count) if queries else []
    if queries:
        files.append(Path(out) / "nearest.png")
        pictures.contact_sheet(index, queries, answers, files[-1])
    if map_:
        files.append(Path(out) / "map.png")
        pictures.flat_map(index, files[-1])
    if as_json:
        return print_json({"nearest": answers, "files": [str(file) for file in files]})
    for query, neighbours in zip(queries, answers, strict=True):
        print(printable(f"{query}: " + ", ".join(f"{path} ({cosine:.3f})" for path, cosine in neighbours)))
    show_files(files, open_, as_json)


def show_files(files: Sequence[str | Path], open_them: bool, as_json: bool) -> None:
    """Prints the paths of the files, and opens the files if `open_them`."""
    if as_json:
        print_json([str(file) for file in files])
    else:
        for file in files:
            print(file)
    if open_them:
        import webbrowser

        for file in files:
            webbrowser.open(Path(file).resolve().as_uri())
