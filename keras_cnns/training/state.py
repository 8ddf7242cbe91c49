"""The checkpoints from which an interrupted run resumes exactly."""

import json
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf

from keras_cnns.support.errors import UnreadableFile, UserError, first_line


class Progress(tf.train.experimental.PythonState):
    """The plain values in a checkpoint: the step, the running sums, the history, the best score so far."""

    def __init__(self) -> None:
        super().__init__()
        self.values: dict[str, Any] = {}

    def serialize(self) -> str:
        return json.dumps(self.values)

    def deserialize(self, value: str) -> None:
        self.values = json.loads(value)


class Checkpoints:
    """The last two checkpoints in a folder, over a list of tf.Variables and a dict of plain values.

    The variables are stored by their order, since the same recipe always builds the same list. The random seeds of
    dropout are variables of a Keras model and therefore stored too.
    """

    def __init__(
        self, folder: Path, variables: Iterable[tf.Variable], values: dict[str, Any], *, worker: int | None = None
    ) -> None:
        progress = Progress()
        progress.values = values
        self.progress = progress
        checkpoint = tf.train.Checkpoint(variables=list(variables), progress=progress)
        # every worker takes part in a save, since some variables are read from all; only the chief's files are kept
        self.shared = folder
        self.own = self.shared if worker is None else self.shared / f".worker-{worker}"
        self.close()  # what a lost worker left behind
        self._remove_unfinished()
        self.manager = tf.train.CheckpointManager(checkpoint, str(self.own), max_to_keep=2)
        self.checkpoint = checkpoint

    def restore(self) -> dict[str, Any]:
        """Restores the newest checkpoint, if there is one; returns the plain values."""
        latest = tf.train.latest_checkpoint(str(self.shared))
        if latest:
            try:
                self.checkpoint.restore(latest).assert_consumed()
            except (AssertionError, ValueError, tf.errors.OpError) as error:
                reason = first_line(error)
                raise UnreadableFile(
                    f"checkpoint {latest} cannot be read ({reason}): remove it, or the whole run."
                ) from error
        return self.progress.values

    def save(self, values: dict[str, Any]) -> None:
        """Writes a checkpoint; the previous one stays until this one is complete."""
        self.progress.values = values
        try:
            self.manager.save()
        except (tf.errors.OpError, OSError) as error:
            reason = first_line(error)
            self._remove_unfinished()
            raise UserError(
                f"no checkpoint can be written to {self.shared} ({reason}): the previous one is kept."
            ) from error

    def _remove_unfinished(self) -> None:
        """Removes the remains of checkpoints that were not completed because of a killed process or a full disk."""
        for folder in self.own.glob("ckpt-*_temp"):
            shutil.rmtree(folder, ignore_errors=True)
        unfinished = [*self.own.glob("ckpt-*.tempstate*"), *self.own.glob("checkpoint.tmp*")]
        data = self.own.glob("ckpt-*.data-*")
        unfinished += [path for path in data if not path.with_name(f"{path.name.split('.')[0]}.index").exists()]
        for path in unfinished:
            path.unlink(missing_ok=True)

    def close(self) -> None:
        """Removes the files that only this worker needed."""
        if self.own != self.shared:
            shutil.rmtree(self.own, ignore_errors=True)
