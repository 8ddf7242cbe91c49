"""Plain command lines give a command the arguments that tyro gives it; all others are left to tyro."""

from inspect import signature

import pytest
import tyro

from keras_cnns.cli.commands import COMMANDS
from keras_cnns.cli.tyro_arguments import for_tyro
from keras_cnns.support.plain_flags import plain_arguments

PLAIN = [
    ("predict", "a.png --model n.tflite"),
    ("predict", "a.png b.png --model=n.tflite --top 3 --least=0.25 --json"),
    ("predict", "--model n.tflite folder --results r.jsonl --shard 2/3 --out drawn"),
    ("predict", "- --model n.tflite"),
    ("show", "n.tflite"),
    ("show", "--layers n.tflite --json"),
    ("benchmark", "a.tflite b.tflite --runs 3 --without-xnnpack"),
]
NOT_PLAIN = [
    ("predict", "a.png"),
    ("predict", "--model n.tflite"),
    ("predict", "a.png --model"),
    ("predict", "a.png --model n.tflite --top many"),
    ("predict", "a.png --model n.tflite --pixels 0 1"),
    ("predict", "a.png --model n.tflite --no-such 1"),
    ("predict", "a.png --model n.tflite --top 1 --top 2"),
    ("predict", "--help"),
    ("show", "a.tflite b.tflite"),
    ("show", "a.tflite --json=yes"),
    ("benchmark", "a.tflite --threads 1 2"),
]


def received(name, words):
    """What tyro calls the command with."""
    command, calls = COMMANDS.plain(name), []

    def spy(*args, **kwargs):
        calls.append((list(args), kwargs))

    spy.__doc__, spy.__annotations__ = command.__doc__, command.__annotations__
    spy.__signature__ = signature(command)
    tyro.cli(for_tyro(spy), args=words, config=(tyro.conf.FlagCreatePairsOff,))
    return calls[0]


@pytest.mark.parametrize(("name", "line"), PLAIN)
def test_plain_words_mean_what_they_mean_to_tyro(name, line):
    words = line.split()
    positional, named = plain_arguments(COMMANDS.plain(name), words)
    by_tyro = received(name, words)
    assert positional == by_tyro[0] and named.items() <= by_tyro[1].items()
    left = {key: value for key, value in by_tyro[1].items() if key not in named}
    assert left == {key: signature(COMMANDS.plain(name)).parameters[key].default for key in left}


@pytest.mark.parametrize(("name", "line"), NOT_PLAIN)
def test_what_is_not_plain_is_left_to_tyro(name, line):
    assert plain_arguments(COMMANDS.plain(name), line.split()) is None
