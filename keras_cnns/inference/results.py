"""Predictions for any number of pictures, written to a file of JSON lines or Parquet; an interrupted run goes on."""

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any

from keras_cnns.inference import network as networks
from keras_cnns.inference.items import Item, Paths, Shard, items
from keras_cnns.inference.predict import Options, answers
from keras_cnns.support import progress
from keras_cnns.support.atomic_files import json_text, write_json, written_aside
from keras_cnns.support.errors import BadArgument, NotInstalled, UnreadableFile
from keras_cnns.support.untrusted import kind_of_file, parse_json, read_json, utf8
from keras_cnns.support.validation import path_of

SUFFIXES = (".jsonl", ".parquet")
DEFAULTS, EVERYTHING = Options(), Shard()
EVERY = 64  # rows between two writes to the disk
ROWS = 10_000  # of one group in a Parquet file


@dataclass(frozen=True)
class Written:
    """What `write` did.

    Attributes:
      file: the path of the results.
      pictures: the number of rows.
      broken: rows with an error.
      before: rows that an earlier run had written.
    """

    file: str
    pictures: int
    broken: int
    before: int


def write(
    model: str | Path, paths: Paths, file: str | Path, options: Options = DEFAULTS, shard: Shard = EVERYTHING
) -> Written:
    """Writes a row for each picture; a picture that cannot be read gets the row {"picture", "error"}.

    Rows are collected in FILE.partial. A run that was stopped continues there when it is started again with the same
    arguments. The file appears under its own name when it is complete.

    Args:
      model, paths: see `predict`; the pictures may be more than memory or a list of their names could hold.
      file: `.jsonl`, a JSON object on each line as `predict` returns it; or `.parquet`. With more than one shard
        -00003-of-00016 is added to its name.
      options: see `predict`.
      shard: which share of the pictures.

    Raises:
      UserError: as in `predict`; a partial file is of another run, or is a link, a named pipe or a device.
    """
    model, file = path_of(model, "model"), _named(path_of(file, "results"), shard)
    if file.suffix == ".parquet":
        _pyarrow()
    pictures = items(paths, shard)
    if file.exists():
        raise BadArgument(f"{file} is complete: delete it to predict again.")
    partial, settings = Path(f"{file}.partial"), Path(f"{file}.partial.json")
    before, broken = _resumed(partial, settings, _settings(model, paths, options, shard), pictures)
    total = before
    with networks.opened(model) as network, open(partial, "a", encoding="utf-8") as lines:
        rows = answers(network, pictures, options, skip_broken=True)
        for row in progress.track(rows, "predicting"):
            lines.write(json_text(row) + "\n")
            total += 1
            broken += "error" in row
            if total % EVERY == 0:
                lines.flush()
        lines.flush()
        os.fsync(lines.fileno())
    if file.suffix == ".parquet":
        _to_parquet(partial, file)
        partial.unlink()
    else:
        os.replace(partial, file)
    settings.unlink(missing_ok=True)
    return Written(str(file), total, broken, before)


def _named(file: Path, shard: Shard) -> Path:
    if file.suffix not in SUFFIXES:
        raise BadArgument(f"{file} must end in {' or '.join(SUFFIXES)}: results are JSON lines or Parquet.")
    if shard.count == 1:
        return file
    return file.with_name(f"{file.stem}-{shard.number:05}-of-{shard.count:05}{file.suffix}")


def _settings(model: Path, paths: Paths, options: Options, shard: Shard) -> dict[str, Any]:
    """What must be the same for a run to continue."""
    status = model.stat() if model.is_file() else None
    paths = [paths] if isinstance(paths, (str, Path)) else paths
    return {
        "model": str(model),
        "model_bytes": status and status.st_size,
        "model_time": status and status.st_mtime,
        "paths": list(map(str, paths)),
        "options": {name: value if value is None else str(value) for name, value in asdict(options).items()},
        "shard": str(shard),
    }


def _resumed(partial: Path, file: Path, settings: Mapping[str, Any], pictures: Iterator[Item]) -> tuple[int, int]:
    """(rows, rows with an error) of the partial file. Their pictures are taken from `pictures`.

    Without a partial file one is started.
    """
    for path in (partial, file):
        if path.is_symlink() or path.exists() and kind_of_file(path):
            raise UnreadableFile(f"{path} is not a regular file: delete it, or write the results elsewhere.")
    if not partial.exists() or not file.exists():
        partial.parent.mkdir(parents=True, exist_ok=True)
        partial.unlink(missing_ok=True)
        write_json(file, settings)
        return 0, 0
    stored = read_json(file)
    if not isinstance(stored, dict):
        raise UnreadableFile(f"{file} is damaged: delete it and {partial} to start again.")
    changed = [name for name, value in settings.items() if stored.get(name) != value]
    if changed:
        raise BadArgument(f"{partial} belongs to a run with another {' and '.join(changed)}: delete it to start again.")
    rows = broken = end = 0
    last = ""
    with open(partial, "rb") as lines:
        for line in lines:
            if not line.endswith(b"\n"):
                break  # the run was stopped while it wrote this
            row = _stored(line, partial)
            rows, broken, end, last = rows + 1, broken + ("error" in row), end + len(line), row["picture"]
    os.truncate(partial, end)
    skipped = next(islice(pictures, rows - 1, None), None) if rows else None
    if rows and (skipped is None or skipped.name != last):
        raise UnreadableFile(f"the pictures have changed since {partial} was begun: delete it to start again.")
    return rows, broken


def _stored(line: bytes, partial: Path) -> dict[str, Any]:
    with suppress(ValueError):
        row = parse_json(line)
        if isinstance(row, dict) and "picture" in row:
            return row
    raise UnreadableFile(f"a line of {partial} is damaged: delete the file to start again.")


def _pyarrow() -> Any:
    try:
        import pyarrow
    except ImportError as error:
        raise NotInstalled('Parquet files need pyarrow: pip install "keras_cnns[parquet]".') from error
    return pyarrow


def _to_parquet(lines: Path, file: Path) -> None:
    """Writes the rows as a Parquet file with the columns picture, size, classes, objects and error."""
    arrow = _pyarrow()
    from pyarrow import parquet

    text, real = arrow.string(), arrow.float64()
    named = arrow.list_(arrow.struct([("label", text), ("score", real)]))
    box = [("class", text), ("number", arrow.int64()), ("score", real), ("box", arrow.list_(real))]
    columns = [("picture", text), ("size", arrow.list_(arrow.int64())), ("classes", named)]
    schema = arrow.schema([*columns, ("objects", arrow.list_(arrow.struct(box))), ("error", text)])
    with (
        written_aside(file) as temporary,
        open(lines, encoding="utf-8") as rows,
        open(temporary, "wb") as target,  # pyarrow itself opens names in UTF-8 only
        parquet.ParquetWriter(target, schema) as writer,
    ):
        while group := [_row(json.loads(line)) for line in islice(rows, ROWS)]:
            writer.write_table(arrow.Table.from_pylist(group, schema))


def _row(row: dict[str, Any]) -> dict[str, Any]:
    """A row as Parquet stores it, whose texts are UTF-8."""
    row = {**row, **{key: utf8(row[key]) for key in ("picture", "error") if key in row}}
    if "classes" in row:
        row["classes"] = [{"label": label, "score": score} for label, score in row["classes"]]
    return row
