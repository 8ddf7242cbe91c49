"""Which networks fit on a chip, by the target's tool and without it."""

import json

import numpy as np
import pytest

from keras_cnns.cli import commands
from keras_cnns.insight import compare, fits
from keras_cnns.support.errors import BadArgument, NotInstalled, UserError
from keras_cnns.tflite.targets import table
from keras_cnns.tflite.targets.target import Finding, Placement, Rewrites


class Chip:
    """A chip whose tool says what it is asked to; without an answer, it is not installed."""

    name, title, install = "chip", "a chip", "pip install chip"

    def __init__(self, placement=None, findings=()):
        self._placement, self._findings = placement, list(findings)

    def rewrites(self):
        return Rewrites(input_type="int8", output_type="int8")

    def findings(self, file):
        return self._findings

    def placement(self, file):
        if self._placement is None:
            raise NotInstalled("the chip's tool was not run: pip install chip")
        if isinstance(self._placement, Exception):
            raise self._placement
        return self._placement

    def run(self, file, inputs):
        raise NotInstalled("the chip's tool was not run: pip install chip")


@pytest.fixture(scope="module")
def without_tool():
    """The report on lenet5 if the tool is missing, with 200 kB of each memory."""
    return fits.fit("lenet5", 61_706, Chip(), 200_000, 200_000)


def test_without_the_tool_the_file_is_counted(without_tool):
    memory = without_tool.memory
    assert without_tool.words == "yes" and not memory.measured and memory.missing == "pip install chip"
    assert 61_706 < memory.flash_bytes < 100_000  # a byte for each parameter, and the structure
    assert memory.ram_bytes == 2 * 28 * 28 * 6  # the first convolution's maps, before and after tanh


def test_limits_are_compared_with_what_is_counted(without_tool):
    memory = without_tool.memory
    assert memory.excess(memory.ram_bytes, memory.flash_bytes) == ()
    (reason,) = memory.excess(memory.ram_bytes - 1, None)
    assert reason == "needs about 9.2 KiB of RAM, more than 9.2 KiB"
    assert len(memory.excess(1, 1)) == 2


@pytest.fixture
def exported(monkeypatch):
    """What a target says of every export, without one; (TargetResult, findings) -> None."""
    from types import SimpleNamespace

    def with_result(**result):
        report = SimpleNamespace(targets=[SimpleNamespace(**{"placement": None, "reasons": (), **result})])
        monkeypatch.setattr(fits, "export", lambda *args, **options: report)
        monkeypatch.setattr(fits, "read_contents", lambda path: SimpleNamespace(size_bytes=70_000))

    return with_result


def test_what_the_tool_measured_decides(exported):
    exported(status="pass", placement=Placement(operators=9, arena_bytes=20_000, sram_bytes=30_000, flash_bytes=60_000))
    assert fits.fit("lenet5", 61_706, Chip(), 30_000, 61_706).words == "yes"
    assert fits.fit("lenet5", 61_706, Chip(), 29_999, None).words == "no: needs 29.3 KiB of RAM, more than 29.3 KiB"


def test_what_the_target_cannot_run_does_not_fit(exported):
    exported(status="fail", reasons=("the tool died",))
    missing = Finding("operator", "error", "the chip has no TANH", "replace it")
    assert fits.fit("lenet5", 61_706, Chip(findings=[missing]), None, None).words == "no: the chip has no TANH"
    assert fits.fit("lenet5", 61_706, Chip(), None, None).words == "unknown: the tool died"


def test_too_many_parameters_are_not_built(monkeypatch):
    monkeypatch.setattr(fits, "build", None)
    (row,) = compare.compare("vgg16", target=Chip(), flash="1M")
    assert row.fits == "no: its parameters alone need 132 MiB of flash" and row.ram_bytes is None


def test_networks_that_cannot_be_exported_are_unknown(exported, monkeypatch):
    def refused(*args, **options):
        raise UserError("no")

    monkeypatch.setattr(fits, "export", refused)
    assert fits.fit("lenet5", 61_706, Chip(), None, None).words == "unknown: no"


def test_batch_normalization_is_given_statistics():
    """With those of fresh weights, activations fade until no int8 kernel takes their ranges."""
    model = fits._with_spread_activations(fits.build("resnet8_cifar"))
    (norm, *_) = [layer for layer in model.layers if "moving_variance" in str(layer.weights)]
    assert not np.allclose(norm.moving_variance, 1, atol=0.05)


def test_the_command(monkeypatch, capsys):
    monkeypatch.setitem(table.TARGETS, "chip", Chip())
    with pytest.raises(SystemExit, match="0"):
        commands.main(["compare", "vgg16", "--target", "chip", "--flash", "1M", "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert row["fits"].startswith("no: its parameters")
    with pytest.raises(SystemExit, match="0"):
        commands.main(["compare", "vgg16", "--target", "chip", "--flash", "1M"])
    assert "132 MiB" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("options", "message"), [({"ram": "1M"}, "name one"), ({"target": "chop"}, "no target 'chop'")]
)
def test_what_is_refused(options, message):
    with pytest.raises(BadArgument, match=message):
        compare.compare("lenet5", **options)
