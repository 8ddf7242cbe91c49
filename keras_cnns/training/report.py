"""The output of a running training: a progress bar, a line for each epoch, and TensorBoard's log."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from keras_cnns.support.errors import UnreadableFile, first_line
from keras_cnns.support.progress import duration
from keras_cnns.tasks.base.task import Task

SHORT = 5.0  # seconds; a shorter remaining time is not printed
EVERY = 20  # steps between two points in TensorBoard's log


class Report:
    """The output of one run, as a context around the training loop."""

    def __init__(self, folder: Path, task: Task, *, quiet: bool, log: bool = True) -> None:
        self.logged, self.held_out = task.logged, task.held_out
        self.quiet = quiet
        self.console = Console(stderr=True, highlight=False)
        self.log = folder / "log" if log else None
        self.seconds: list[float] = []  # of each epoch
        self.writer: Any = None  # of TensorBoard
        self.task: TaskID | None = None

    def __enter__(self) -> "Report":
        columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}")]
        columns += [TextColumn("{task.fields[now]}"), TimeElapsedColumn(), TimeRemainingColumn()]
        disable = self.quiet or not sys.stderr.isatty()
        self.bar = Progress(*columns, console=self.console, disable=disable, transient=True)
        self.bar.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.bar.stop()
        if self.writer:
            self.writer.close()

    def step(self, values: dict[str, Any], rate: float, steps_per_epoch: int, total: int) -> None:
        """Shows the progress after a call of the training function."""
        step = values["step"]
        *sums, weight = values["sums"]
        means = {name: value / weight for name, value in zip(self.logged, sums, strict=True)}
        now = _in_words(means)
        if self.task is None:
            self.task = self.bar.add_task("", total=steps_per_epoch, now=now)
        epoch = (step - 1) // steps_per_epoch
        done = step - epoch * steps_per_epoch
        named = f"epoch {epoch + 1}/{-(-total // steps_per_epoch)}"
        self.bar.update(self.task, description=named, completed=done, total=steps_per_epoch, now=now)
        if step % EVERY == 0:
            self._write(step, {**{f"train/{name}": value for name, value in means.items()}, "learning_rate": rate})

    def epoch(self, row: dict[str, Any], total: int) -> None:
        """Prints the line of an epoch. row: of the history. total: the steps of the run."""
        self._write(row["step"], {"epoch/" + k: v for k, v in row.items() if k not in ("epoch", "step")})
        if not self.quiet:
            self.console.print(
                f"epoch {row['epoch']:3d}  {_in_words({name: row[name] for name in self.logged})}  held out: "
                f"{_in_words({name: row[f'held_out_{name}'] for name in self.held_out})}  {row['seconds']:.1f} s"
                f"{self._left(row, total)}",
                soft_wrap=True,
            )

    def _left(self, row: dict[str, Any], total: int) -> str:
        """The remaining time of the run, from the epochs so far without the first one, which compiles."""
        self.seconds.append(row["seconds"])
        per_step = np.mean(self.seconds[1:] or self.seconds) / (row["step"] / row["epoch"])
        left = per_step * (total - row["step"])
        return f", about {duration(left)} left" if left >= SHORT and len(self.seconds) > 1 else ""

    def _write(self, step: int, scalars: dict[str, float]) -> None:
        if self.log is None:
            return
        try:
            if self.writer is None:
                self.writer = tf.summary.create_file_writer(str(self.log))
            with self.writer.as_default():
                for name, value in scalars.items():
                    tf.summary.scalar(name, value, step=step)
        except tf.errors.OpError as error:  # a full disk, no permission
            raise UnreadableFile(f"cannot write the training log in {self.log}: {first_line(error)}") from error


def _in_words(values: dict[str, float]) -> str:
    return "  ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items())
