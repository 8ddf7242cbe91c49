"""The command `keras-cnns list`."""

from keras_cnns.support.console import Json, print_json, show, table_of
from keras_cnns.support.errors import BadArgument


def list_models(pattern: str = "*", /, *, as_json: Json = False) -> None:
    """Lists the networks that can be built by name.

    Args:
        pattern: a shell pattern, such as "resnet*"
    """
    from keras_cnns.builder import info
    from keras_cnns.registry.registry import list_models as names_of

    rows = [info(name) for name in names_of(pattern)]
    if not rows:
        raise BadArgument(f"no model matches {pattern!r}: `keras-cnns list` shows all {len(names_of())}.")
    if as_json:
        return print_json([{key: value for key, value in row.items() if key != "columns"} for row in rows])
    table = table_of("name", "year", ">input", ">parameters", ">multiply-adds", "task")
    for row in rows:
        size = "x".join(str(n) for n in row["input_shape"])
        macs = f"{row['macs'] / 1e9:.2f} G" if row["macs"] >= 1e9 else f"{row['macs'] / 1e6:.1f} M"
        table.add_row(row["name"], str(row["year"]), size, f"{row['params']:,}", macs, row["task"])
    return show(table)
