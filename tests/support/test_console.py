"""Names from outside are printed, and none of them controls the terminal."""

import logging

from keras_cnns.support import messages
from keras_cnns.support.console import show, table_of
from keras_cnns.support.errors import UserError, printable
from keras_cnns.tflite.check import describe

NAME = "a\x1b]0;title\x07\x9b2J\udcff.png"
SHOWN = r"a\x1b]0;title\x07\x9b2J\udcff.png"


def test_a_text_keeps_its_line_breaks_and_letters():
    assert printable(f"{NAME}\té\n") == f"{SHOWN}\té\n"


def test_a_table_and_a_line(capsys):
    table = table_of("picture", "class")
    table.add_row(NAME, NAME)
    show(table)
    show(NAME)
    text = capsys.readouterr().out
    assert text.count(SHOWN) == 3 and "\x1b" not in text


def test_the_description_of_a_file(capsys):
    tensor = {"name": NAME, "shape": (1, 2), "type": "float32", "scale": 0.0, "zero_point": 0}
    row = {"operator": NAME, "count": 1, "outside": 0}
    values = {"file": NAME, "name": NAME, "labels": [NAME], "inputs": [tensor], "outputs": [tensor]}
    values |= {"size_bytes": 1, "arena_bytes": 1, "peak_bytes": 1, "partitions": 1, "source": {NAME: NAME}}
    for table in describe.tables(values | {"operators": [row]}):
        show(table)
    text = capsys.readouterr().out
    assert text.count(SHOWN) == 8 and "\x1b" not in text


def test_errors_and_warnings(capsys):
    assert str(UserError(f"{NAME} is damaged.")) == f"{SHOWN} is damaged."
    with messages.in_lines():
        logging.getLogger("keras_cnns").warning("%s is damaged", NAME)
    assert capsys.readouterr().err == f"warning: {SHOWN} is damaged\n"
