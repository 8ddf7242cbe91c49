"""Files that hold a table: CSV and TSV, a JSON object a line (JSONL), and Parquet where pyarrow is installed."""

import csv
import io
import json
from pathlib import Path
from typing import Any

from keras_cnns.support.archives import MAX_RATIO, RATIO_FROM
from keras_cnns.support.errors import NotInstalled, UnreadableFile, first_line
from keras_cnns.support.untrusted import parse_json, read_text

TABLES = (".csv", ".tsv", ".jsonl", ".parquet")  # suffixes
DELIMITERS = ",;\t|"
INDEX = ("", "Unnamed: 0", "__index_level_0__")  # names of pandas' column of row numbers
MOST_CELLS = 10_000_000  # of JSON lines whose keys differ
ROWS_AT_ONCE = 100  # of a Parquet file
MOST_ROWS = 20_000_000  # of a Parquet file, whose compressed columns can be far larger than the file


def cells(path: Path) -> list[list[str]]:
    """The cells of a table as texts, row by row. The first row may contain the names of the columns.

    Raises:
      UserError: the table cannot be read, is empty, or has rows of different lengths or of a single cell.
    """
    try:
        rows = {".jsonl": _json_lines, ".parquet": _parquet}.get(path.suffix.lower(), _separated)(path)
    except (OSError, ValueError) as error:
        if isinstance(error, NotInstalled):
            raise
        advice = " Save it as CSV in UTF-8." if path.suffix.lower() not in (".jsonl", ".parquet") else ""
        raise UnreadableFile(f"cannot read the table: {first_line(error)}{advice}") from None
    rows = [row for row in rows if any(cell.strip() for cell in row)]
    if not rows:
        raise UnreadableFile(f"{path} is empty: it needs a row (file name, class) for each picture.")
    short = next((row for row in rows if len(row) < 2), None)
    if short or any(len(row) != len(rows[0]) for row in rows):
        bad = short or next(row for row in rows if len(row) != len(rows[0]))
        raise UnreadableFile(
            f"{path} has a row of {len(bad)} columns, {', '.join(bad)[:80]!r}: file name and class are needed."
        )
    numbered = len(rows[0]) > 2 and rows[0][0].strip() in INDEX and all(row[0].strip().isdecimal() for row in rows[1:])
    return [row[1:] for row in rows] if numbered else rows


def _separated(path: Path) -> list[list[str]]:
    text = read_text(path)
    tables: list[list[list[str]]] = []
    try:
        for delimiter in sorted(DELIMITERS, key=text.split("\n", 1)[0].count, reverse=True):
            rows = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
            widths = {len(row) for row in rows if row}
            if len(widths) == 1 and widths != {1}:
                return rows
            tables.append(rows)
    except csv.Error as error:
        raise UnreadableFile(f"{path} is not CSV: {error}.") from None
    return tables[0]


def _json_lines(path: Path) -> list[list[str]]:
    rows = []
    for number, line in enumerate(read_text(path).splitlines(), 1):
        if line.strip():
            try:
                row = parse_json(line)
            except ValueError as error:
                raise UnreadableFile(f"line {number} of {path} is not JSON: {first_line(error)}.") from None
            if not isinstance(row, dict):
                raise UnreadableFile(f"line {number} of {path} is not a JSON object: each needs file_name and label.")
            rows.append(row)
    nested = {name for row in rows for name, value in row.items() if isinstance(value, dict)}
    columns = list(dict.fromkeys(name for row in rows for name in row if name not in nested))
    if len(columns) * len(rows) > MOST_CELLS + 20 * sum(map(len, rows)):  # each row has keys of its own
        raise UnreadableFile(f"the {len(rows)} objects in {path} have {len(columns)} keys: give all of them the same.")
    return [columns, *([_text(row.get(name)) for name in columns] for row in rows)] if rows else []


def _parquet(path: Path) -> list[list[str]]:
    try:
        from pyarrow import ArrowException, parquet
    except ImportError:
        raise NotInstalled(f"{path} is a Parquet file: install pyarrow (pip install pyarrow), or save CSV.") from None
    try:
        with parquet.ParquetFile(path) as file:
            if file.metadata.num_rows > MOST_ROWS:
                raise UnreadableFile(f"{path} has {file.metadata.num_rows} rows, more than {MOST_ROWS}.")
            columns = [name for name in file.schema_arrow.names if not _is_nested(file.schema_arrow.field(name).type)]
            rows = _checked_rows(file, columns, path)
    except ArrowException as error:
        raise UnreadableFile(f"{path} cannot be read as Parquet: {first_line(error)}.") from None
    return [columns, *([_text(row[name]) for name in columns] for row in rows)]


def _checked_rows(file: Any, columns: list[str], path: Path) -> list[dict[str, Any]]:
    """The rows of a Parquet file. A text that it stores once may stand in all of them.

    Raises:
      UnreadableFile: the rows have far more bytes than the file.
    """
    rows: list[dict[str, Any]] = []
    count, most = 0, max(RATIO_FROM, MAX_RATIO * path.stat().st_size)
    for batch in file.iter_batches(batch_size=ROWS_AT_ONCE, columns=columns):
        if not len(batch):
            continue
        rows += batch.to_pylist()
        count += sum(len(cell) for row in rows[-len(batch) :] for cell in row.values() if isinstance(cell, str | list))
        if count > most:
            raise UnreadableFile(f"{path} unpacks to more than {MAX_RATIO} times its size, which is not read.")
    return rows


def _is_nested(kind: Any) -> bool:
    """Whether a column holds encoded pictures or structures."""
    return str(kind).startswith(("struct", "binary", "large_binary"))


def _text(value: Any) -> str:
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
