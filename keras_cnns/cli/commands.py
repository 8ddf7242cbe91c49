"""The command `keras-cnns`. It prints tables; with --json the same for programs."""

import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from functools import wraps
from importlib import import_module
from inspect import getdoc
from typing import Any

from keras_cnns.support import messages, progress
from keras_cnns.support.errors import UserError, first_line, nearest
from keras_cnns.support.flag_lists import split_lists, tuple_flags
from keras_cnns.support.plain_flags import plain_arguments
from keras_cnns.support.streams import discard_stdout, escape_unencodable, import_tensorflow, open_missing_streams
from keras_cnns.support.temporary_folders import everything_temporary_inside
from keras_cnns.tflite.targets.process import ONE_THREAD, no_child_left, start_early
from keras_cnns.version import __version__


def _with_tensorflow(command: Callable[..., Any]) -> Callable[..., Any]:
    """The command, which first loads TensorFlow without its start-up messages."""

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        import_tensorflow()
        return command(*args, **kwargs)

    return run


class _Commands(Mapping[str, Callable[..., Any]]):
    """The functions of the commands by name; the module of one is imported when it is looked up."""

    homes = {
        "list": "list_models.list_models",
        "show": "show.show",
        "demo": "demo.demo",
        "recipes": "recipes.recipes",
        "train": "train.train",
        "export": "export.export",
        "predict": "predict.predict",
        "benchmark": "benchmark.benchmark",
        "check": "check.check",
        "micro": "micro.micro",
        "web": "web.web",
        "explain": "insight.explain",
        "compare": "insight.compare",
        "report": "insight.report",
        "search": "insight.search",
        "figure": "figures.figure",
    }
    with_tensorflow = {"explain", "compare", "report", "search", "figure"}

    def __getitem__(self, name: str) -> Callable[..., Any]:
        """The command as tyro reads it."""
        from keras_cnns.cli.tyro_arguments import for_tyro

        return for_tyro(self.plain(name))

    def plain(self, name: str) -> Callable[..., Any]:
        """The command as it was written; tyro is not imported for it."""
        module, function = self.homes[name].split(".")
        command = getattr(import_module(f"keras_cnns.cli.{module}"), function)
        return _with_tensorflow(command) if name in self.with_tensorflow else command

    def __contains__(self, name: object) -> bool:
        return name in self.homes  # Mapping's own imports the command

    def __iter__(self) -> Iterator[str]:
        return iter(self.homes)

    def __len__(self) -> int:
        return len(self.homes)


COMMANDS = _Commands()
QUIET = "--quiet"  # of every command
RUN_LITERT = {"predict", "benchmark", "show", "check"}  # commands that run a file, and little else


def main(words: Sequence[str] | None = None) -> None:
    """Runs one command and exits: with 0; with 2 and a one-line message after a `UserError`; with 130 after Ctrl-C."""
    open_missing_streams()
    escape_unencodable()
    with suppress(ValueError):  # not the main thread
        # exits through Python, so that temporary files are deleted
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    status = 0
    words = list(sys.argv[1:] if words is None else words)
    quiet = QUIET in words
    try:
        with (
            messages.in_lines(quiet=quiet),
            progress.shown(quiet=quiet),
            everything_temporary_inside(),
            no_child_left(),
        ):
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
    except ModuleNotFoundError as error:  # in an install for .tflite files alone
        if (error.name or "keras_cnns").split(".")[0] == "keras_cnns":
            raise
        print(
            f"error: {error.name} is not installed, which this command needs: pip install keras_cnns", file=sys.stderr
        )
        status = 2
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


def run(words: list[str]) -> int:
    """Runs the command in these words; returns its exit status."""
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
    if name in RUN_LITERT and any(word.endswith(".tflite") for word in rest):
        if "numpy" not in sys.modules:
            os.environ.update(ONE_THREAD | os.environ)
        start_early("litert_child")
        if (arguments := plain_arguments(COMMANDS.plain(name), rest)) is not None:
            COMMANDS.plain(name)(*arguments[0], **arguments[1])
            return 0
    if name == "train" and rest[:1] not in (["-h"], ["--help"]):
        from keras_cnns.cli.train import train_with, usage

        if not rest:
            print(usage())
            return 2
        return train_with(rest[0], rest[1:])
    command = COMMANDS[name]
    if name == "export" and {"-h", "--help"} & set(rest):  # it has many flags: --help shows the common ones first
        from keras_cnns.cli.export import COMMON
        from keras_cnns.cli.help_screen import help_screen

        print(help_screen(command, f"keras-cnns {name}", COMMON))
        return 0
    import tyro

    tyro.cli(
        command,
        prog=f"keras-cnns {name}",
        args=split_lists(rest, tuple_flags(command)),
        config=(tyro.conf.FlagCreatePairsOff,),
    )
    return 0


def overview() -> str:
    """The text of `keras-cnns --help`: every command with the first sentence of its description."""
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
