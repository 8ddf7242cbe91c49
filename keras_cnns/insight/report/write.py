"""What `keras-cnns report` does."""

import os
from pathlib import Path

from keras_cnns.insight.report import html
from keras_cnns.insight.report.parts import sections
from keras_cnns.insight.report.subject import subject
from keras_cnns.support.validation import path_of


def report(
    path: str | os.PathLike[str],
    out: str | os.PathLike[str] | None = None,
    *,
    dataset: str | None = None,
    data_dir: str | None = None,
) -> Path:
    """Writes the page about a run's folder, a `.keras` or a `.tflite` file, and returns its path.

    Args:
      path: of the folder or file.
      out: the .html file; None: report.html in the folder, or NAME.html beside the file.
      dataset: where its pictures are; None: as its recipe says. The report names what it cannot show without them.
      data_dir: where tensorflow-datasets keeps its data.

    Raises:
      UserError: there is no run and no model file, or the page cannot be written.
    """
    page = None if out is None else path_of(out, "out")
    about = subject(path, dataset=dataset, data_dir=data_dir)
    page = page or (about.folder / "report.html" if Path(path).is_dir() else Path(f"{path}.html"))
    trained = f"trained on {about.recipe['dataset']}" if about.recipe.get("dataset") else "of unknown training"
    html.write(
        page,
        "report.html",
        title=f"{about.name}: report",
        subtitle=f"{about.file.name if about.file else 'an interrupted run'}, {trained}",
        sections=sections(about),
    )
    return page
