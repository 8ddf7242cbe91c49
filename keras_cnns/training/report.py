"""The output of a running training: a progress bar, a line for each epoch, and TensorBoard's log."""

import sys

import tensorflow as tf
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from keras_cnns.support.errors import UnreadableFile, first_line

EVERY = 20  # steps between two points in TensorBoard's log


class Report:
    """Use as a context around the training loop."""

    def __init__(self, folder, task, *, quiet, log=True):
        self.logged, self.held_out = task.logged, task.held_out
        self.quiet = quiet
        self.console = Console(stderr=True, highlight=False)
        self.log = folder / "log" if log else None
        self.writer = None
        self.task = None

    def __enter__(self):
        columns = [TextColumn("{task.description}"), BarColumn(), TextColumn("{task.completed}/{task.total}")]
        columns += [TextColumn("{task.fields[now]}"), TimeElapsedColumn(), TimeRemainingColumn()]
        disable = self.quiet or not sys.stderr.isatty()
        self.bar = Progress(*columns, console=self.console, disable=disable, transient=True)
        self.bar.start()
        return self

    def __exit__(self, *error):
        self.bar.stop()
        if self.writer:
            self.writer.close()

    def step(self, values, rate, steps_per_epoch, total):
        """After each call of the training function."""
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

    def epoch(self, row):
        """At the end of each epoch, with its row of the history."""
        self._write(row["step"], {"epoch/" + k: v for k, v in row.items() if k not in ("epoch", "step")})
        if not self.quiet:
            self.console.print(
                f"epoch {row['epoch']:3d}  {_in_words({name: row[name] for name in self.logged})}  held out: "
                f"{_in_words({name: row[f'held_out_{name}'] for name in self.held_out})}  {row['seconds']:.1f} s",
                soft_wrap=True,
            )

    def _write(self, step, scalars):
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


def _in_words(values):
    return "  ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in values.items())
