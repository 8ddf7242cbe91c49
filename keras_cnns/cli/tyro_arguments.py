"""The flags of a command as tyro reads them."""

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Annotated, Any, get_args, get_type_hints

import tyro

from keras_cnns.support.plain_flags import Named


def for_tyro(command: Callable[..., Any]) -> Callable[..., Any]:
    """The same command, whose `Named` flags tyro finds by their names."""
    hints = get_type_hints(command, include_extras=True)
    for name, hint in hints.items():
        for entry in getattr(hint, "__metadata__", ()):
            if isinstance(entry, Named):
                hints[name] = Annotated[get_args(hint)[0], tyro.conf.arg(name=entry.flag, help=entry.help)]

    @wraps(command)
    def run(*args: Any, **kwargs: Any) -> Any:
        return command(*args, **kwargs)

    del run.__wrapped__  # tyro would read that
    plain = inspect.signature(command)
    parameters = [p.replace(annotation=hints.get(name, p.annotation)) for name, p in plain.parameters.items()]
    run.__annotations__, run.__signature__ = hints, plain.replace(parameters=parameters)  # type: ignore[attr-defined]
    return run
