"""Pages that several benchmarks write, one section each. A comment such as <!-- after training --> begins a section."""

from pathlib import Path

from keras_cnns.support.atomic_files import write_text, written_aside


def write_section(path, mark, text):
    """Puts `text` where the section `mark` is, up to the next mark, or at the end; the others stay as they are.

    mark: None for what stands before the first one.
    """
    path = Path(path)
    sections = _sections(path.read_text() if path.exists() else "")
    sections[mark] = text.strip()
    full = [f"<!-- {name} -->\n\n{body}" if name else body for name, body in sections.items() if name or body]
    write_text(path, "\n\n".join(full) + "\n")


def save_figure(figure, path, dpi=110):
    """Writes a page's picture, a matplotlib figure, as PNG."""
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with written_aside(path) as aside:
        figure.savefig(aside, dpi=dpi, format="png")


def _sections(page):
    head, *parts = page.split("<!-- ")
    result = {None: head.strip()}
    for part in parts:
        name, _, body = part.partition(" -->")
        result[name] = body.strip()
    return result
