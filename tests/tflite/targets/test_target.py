"""The `Target` protocol: LiteRT keeps it, and a new runtime is one class and one row of a table."""

import numpy as np
import pytest

from keras_cnns.support.errors import BadArgument
from keras_cnns.tflite.file.reader import read_contents
from keras_cnns.tflite.targets import table
from keras_cnns.tflite.targets.target import Rewrites, Target
from tests.tflite.targets.fake_target import FakeTarget


@pytest.mark.parametrize("target", [*table.TARGETS.values(), FakeTarget()], ids=lambda target: target.name)
def test_every_target_keeps_the_protocol(target):
    assert isinstance(target, Target)
    assert isinstance(target.rewrites(), Rewrites)
    assert target.title and target.install.split()[0] in ("pip", "npm")


@pytest.mark.parametrize("target", [*table.TARGETS.values(), FakeTarget()], ids=lambda target: target.name)
def test_no_target_finds_an_error_without_a_reason_or_a_fix(target, dense_file):
    for finding in target.findings(read_contents(dense_file)):
        assert finding.message and "\n" not in finding.message
        assert finding.severity != "error" or finding.fix


def test_a_new_runtime_is_one_class_and_one_row(monkeypatch, dense_file, rows):
    monkeypatch.setitem(table.TARGETS, "fake", FakeTarget())
    litert, fake = table.select("litert,fake")
    file = read_contents(dense_file)
    expected = litert.run(file, {"x": rows}).arrays["scores"]
    np.testing.assert_allclose(fake.run(file, {"x": rows}).arrays["scores"], expected, atol=1e-6)


def test_the_reference_kernels_are_other_kernels(dense_file, rows):
    file = read_contents(dense_file)
    litert, reference = table.select(["litert", "litert-reference"])
    outputs = [target.run(file, {"*": rows}).arrays["scores"] for target in (litert, reference)]
    np.testing.assert_allclose(*outputs, atol=1e-6)
    assert litert.rewrites() != reference.rewrites()


def test_all_is_every_target():
    assert [target.name for target in table.select("all")] == list(table.TARGETS)


@pytest.mark.parametrize(("names", "message"), [("litret", "Did you mean litert"), (",", "no target is named")])
def test_a_target_that_does_not_exist(names, message):
    with pytest.raises(BadArgument, match=message):
        table.select(names)
