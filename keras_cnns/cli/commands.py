"""The command `keras-cnns`. It prints tables; with --json the same for programs."""

import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from inspect import getdoc
from typing import Any

import tyro

from keras_cnns.cli import insight
from keras_cnns.cli.benchmark import benchmark
from keras_cnns.cli.check import check
from keras_cnns.cli.demo import demo
from keras_cnns.cli.export import COMMON, export
from keras_cnns.cli.figures import figure
from keras_cnns.cli.help_screen import help_screen
from keras_cnns.cli.list_models import list_models
from keras_cnns.cli.micro import micro
from keras_cnns.cli.predict import predict
from keras_cnns.cli.recipes import recipes
from keras_cnns.cli.show import show
from keras_cnns.cli.train import train, train_with, usage
from keras_cnns.cli.web import web
from keras_cnns.support import messages, progress
from keras_cnns.support.errors import UserError, first_line, nearest
from keras_cnns.support.flag_lists import split_lists, tuple_flags
from keras_cnns.support.streams import discard_stdout, import_tensorflow, open_missing_streams
from keras_cnns.support.temporary_folders import everything_temporary_inside
from keras_cnns.version import __version__


def _with_tensorflow(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command; it loads TensorFlow, without its start-up messages, before it starts."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        import_tensorflow()
        return command(*args, **kwargs)

    return run


COMMANDS: dict[str, Callable[..., Any]] = {
    "list": list_models,
    "show": show,
    "demo": demo,
    "recipes": recipes,
    "train": train,
    "export": export,
    "predict": predict,
    "benchmark": benchmark,
    "check": check,
    "micro": micro,
    "web": web,
    "explain": _with_tensorflow(insight.explain),
    "compare": _with_tensorflow(insight.compare),
    "report": _with_tensorflow(insight.report),
    "search": _with_tensorflow(insight.search),
    "figure": _with_tensorflow(figure),
}
QUIET = "--quiet"  # of every command
LONG_HELP = {"export": COMMON}  # commands with many flags: those that --help shows first


def main(words: Sequence[str] | None = None) -> None:
    """Runs one command and exits: with 0, with 2 and a one-line message after a mistake, with 130 after Ctrl-C."""
    open_missing_streams()
    with suppress(ValueError):  # not the main thread
        # exits through Python, so that temporary files are deleted
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    status = 0
    words = list(sys.argv[1:] if words is None else words)
    quiet = QUIET in words
    try:
        with messages.in_lines(quiet=quiet), progress.shown(quiet=quiet), everything_temporary_inside():
            status = run([word for word in words if word != QUIET or words[0] == "train"])
        sys.stdout.flush()
    except UserError as error:
        print(f"error: {error}", file=sys.stderr)
        status = 2
    except BrokenPipeError:  # the reader of the output has closed it, as `head` does
        discard_stdout()
    except (OSError, MemoryError) as error:  # a full disk, no memory
        print(f"error: {UserError(_system_message(error))}", file=sys.stderr)
        discard_stdout()
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def run(words: list[str]) -> int:
    """Runs the command that these words spell; returns its exit status."""
    if words == ["--version"]:
        print(f"keras-cnns {__version__}")
        return 0
    if not words or words[0] in ("-h", "--help", "help"):
        print(overview())
        return 0
    name, *rest = words
    if name not in COMMANDS:
        known = ", ".join(COMMANDS)
        raise UserError(f"there is no command {name!r}.{nearest(name, COMMANDS)} The commands are {known}.")
    if name == "train" and rest[:1] not in (["-h"], ["--help"]):
        if not rest:
            print(usage())
            return 2
        return train_with(rest[0], rest[1:])
    command = COMMANDS[name]
    if name in LONG_HELP and {"-h", "--help"} & set(rest):
        print(help_screen(command, f"keras-cnns {name}", LONG_HELP[name]))
        return 0
    tyro.cli(
        command,
        prog=f"keras-cnns {name}",
        args=split_lists(rest, tuple_flags(command)),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return 0


def overview() -> str:
    """What `keras-cnns --help` prints: every command with the first sentence of its description."""
    rows = [f"  {name:10} {(getdoc(command) or '').splitlines()[0]}" for name, command in COMMANDS.items()]
    return "\n".join(
        [
            "usage: keras-cnns COMMAND [OPTIONS]",
            "",
            "Classic convolutional networks: build, train, export to a verified .tflite file.",
            "",
            *rows,
            "",
            "`keras-cnns COMMAND --help` shows the options of a command, `keras-cnns demo` is a first try.",
            "--quiet after any command: no progress and no notes.",
        ]
    )


def _system_message(error: BaseException) -> str:
    """The operating system's message, after the name of the file."""
    message = getattr(error, "strerror", None) or first_line(error)
    file = getattr(error, "filename", None)
    return f"{file}: {message}" if file else message
