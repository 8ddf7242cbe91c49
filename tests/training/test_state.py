"""Checkpoints that were not completed are removed, complete ones are kept."""

import tensorflow as tf

from keras_cnns.training.state import Checkpoints


def test_what_a_killed_process_left_is_removed(tmp_path):
    variable = tf.Variable([1.0, 2.0])
    checkpoints = Checkpoints(tmp_path, [variable], {"step": 0})
    checkpoints.save({"step": 1})
    complete = sorted(path.name for path in tmp_path.iterdir())
    (tmp_path / "ckpt-2_temp").mkdir()
    (tmp_path / "ckpt-2_temp" / "part-00000-of-00001.data-00000-of-00001").touch()
    for name in ("ckpt-2.data-00000-of-00001", "ckpt-2.index.tempstate123", "checkpoint.tmp0a1b"):
        (tmp_path / name).touch()
    variable.assign([0.0, 0.0])
    again = Checkpoints(tmp_path, [variable], {"step": 0})
    assert again.restore() == {"step": 1} and variable.numpy().tolist() == [1.0, 2.0]
    assert sorted(path.name for path in tmp_path.iterdir()) == complete
