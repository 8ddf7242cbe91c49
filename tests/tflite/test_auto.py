"""`scheme="auto"`: which scheme is chosen, and the report about it."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest

from keras_cnns.support.errors import UserError
from keras_cnns.tflite import SCHEMES, FileSettings, Limits, Tuning, auto, export, print_reports
from keras_cnns.tflite.targets.target import Placement


@dataclass(frozen=True)
class Found:
    """As much of a report as the choice looks at."""

    path: str
    scheme: str
    latency_ratio: float
    size_ratio: float
    latency_ms: float = 1.0
    snr_db: float = 20.0
    accuracy_drop: float | None = None
    agreement: float | None = None
    accuracy_loss: float = 0.0
    status: str = "pass"
    reasons: tuple = ()
    notes: tuple = ()
    candidates: tuple = ()
    targets: tuple = ()

    @property
    def size_bytes(self):
        return self.size_ratio * 1000


MEASURED = {  # time, size, loss
    "float32": (1.0, 1.0, 0.0),
    "float16": (0.99, 0.5, 0.0),
    "weight_only_int8": (0.98, 0.28, 0.005),
    "weight_only_int4": (3.0, 0.15, 0.1),
    "dynamic_int8": (1.8, 0.28, 0.002),
    "int8": (0.45, 0.3, 0.02),
    "int8_float_islands": (0.6, 0.3, 0.011),
    "int8_float_mixed": {0.5: (0.47, 0.3, 0.012), 0.75: (0.5, 0.31, 0.009), 0.9375: (0.7, 0.4, 0.004)},
    "int8_int16_mixed": {0.5: (5.0, 0.3, 0.012), 0.75: (6.0, 0.3, 0.009), 0.9375: (9.0, 0.3, 0.003)},
    "weight_only_mixed": (1.5, 0.2, 0.004),
    "int16x8": (12.0, 0.29, 0.001),
}


@dataclass
class Measured:
    """An exporter whose files have the figures of the table above."""

    calibrated: bool = True
    without_labels: bool = False
    failing: tuple = ()
    refused: tuple = ()
    tunings: dict = field(default_factory=dict)  # scheme -> the tuning it was exported with
    sizes: dict = field(default_factory=dict)  # scheme -> the largest size that its settings allow
    placements: dict = field(default_factory=dict)  # scheme -> what a chip's tool says of its file
    other_targets: tuple = ()

    @property
    def pictures(self):
        return SimpleNamespace(calibration={} if self.calibrated else None)

    def export(self, path, scheme, settings, *, force):
        share = settings.error_avoided
        self.tunings[scheme], self.sizes[scheme] = settings.tuning, settings.max_size
        time, size, drop = MEASURED[scheme] if share is None else MEASURED[scheme][share]
        Path(path).write_text(f"{scheme} {share}" if share else scheme)
        if scheme in self.failing:
            raise UserError("not possible")
        figures = {"agreement": 1 - drop} if self.without_labels else {"accuracy_drop": drop}
        verdict = {"status": "fail", "reasons": ("wrong",)} if scheme in self.refused else {}
        targets = ()
        if self.other_targets:
            placement = self.placements.get(scheme)
            reasons = () if placement else ("chip was not run: pip install chip",)
            targets = (SimpleNamespace(target="chip", placement=placement, reasons=reasons),)
        return Found(str(path), scheme, time, size, accuracy_loss=drop, targets=targets, **figures, **verdict)


def picked(path, integer_io=False, calibrated=True, without_labels=False, failing=(), refused=(), **limits):
    settings = FileSettings(input_type="uint8") if integer_io else FileSettings()
    return auto.choose(Measured(calibrated, without_labels, failing, refused), path, Limits(**limits), settings)


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"max_drop": 0.03}, "int8"),
        ({"max_drop": 0.0115}, "int8_float_islands"),
        ({"max_drop": 0.0115, "failing": ["int8_float_islands"]}, "int8_float_mixed 0.75"),
        ({"max_drop": 0.01}, "int8_float_mixed 0.75"),
        ({"max_drop": 0.01, "without_labels": True}, "int8_float_mixed 0.75"),
        ({"max_drop": 0.005}, "int8_float_mixed 0.9375"),
        ({"max_drop": 0.005, "failing": ["int8_float_mixed"]}, "weight_only_int8"),  # as fast as float32, and smaller
        ({"max_drop": 0.001}, "float16"),
        ({"max_drop": 0.03, "calibrated": False}, "weight_only_int8"),
        ({"max_drop": 0.03, "failing": ["int8"]}, "int8_float_islands"),
        ({"max_drop": 0.03, "refused": ["int8"]}, "int8_float_islands"),  # the fastest, but wrong
        ({"max_drop": 0.03, "integer_io": True, "failing": ["int8_float_islands"]}, "int8"),
        ({"max_drop": 0.0035, "integer_io": True}, "int8_int16_mixed 0.9375"),  # slow, and all that is left
    ],
)
def test_the_fastest_that_is_good_enough(options, chosen, tmp_path):
    report = picked(tmp_path / "net.tflite", **options)
    assert (tmp_path / "net.tflite").read_text() == chosen
    (only,) = [c for c in report.candidates if c.chosen]
    assert report.scheme in report.notes[0] and only.name.replace(", error_avoided", "") == chosen


@pytest.mark.parametrize(
    ("options", "chosen"),
    [
        ({"max_drop": 0.03, "max_size": 0.29}, "weight_only_int8"),
        ({"max_drop": 0.003, "max_latency": 0.7}, None),
        ({"max_drop": 0.009, "max_latency": 0.7}, "int8_float_mixed"),
        ({"max_drop": 0.01, "max_size": 0.2}, "weight_only_mixed"),
        ({"max_drop": 0.001, "max_size": 0.2}, None),
        ({"max_drop": 0.01, "max_size": 0.2, "max_latency": 1.0}, None),
        ({"max_drop": 0.01, "max_size": 0.2, "calibrated": False}, None),
        ({"max_drop": 0.01, "max_size": 0.2, "integer_io": True}, None),
        ({"max_drop": 0.2, "max_size": 0.16}, "weight_only_int4"),
        ({"max_drop": 0.2, "max_size": 0.2}, "weight_only_mixed"),  # four bits throughout are as small, and slower
    ],
)
def test_limits_of_size_and_time(options, chosen, tmp_path):
    if chosen is None:
        with pytest.raises(UserError, match="no scheme keeps within a loss of .*, 0.[27] of the (size|time)") as caught:
            picked(tmp_path / "net.tflite", **options)
        assert "\n" not in str(caught.value) and "float32" in str(caught.value)
    else:
        assert picked(tmp_path / "net.tflite", **options).scheme == chosen


def test_max_size_is_passed_to_weight_only_mixed_alone(tmp_path):
    exporter = Measured()
    auto.choose(exporter, tmp_path / "net.tflite", Limits(0.2, 0.2), FileSettings(max_size=0.2))
    assert {scheme for scheme, size in exporter.sizes.items() if size} == {"weight_only_mixed"}


def tried(report):
    return [c.name for c in report.candidates if c.status != "none"]


def untried(report):
    return {c.name: c.note for c in report.candidates if c.status == "none"}


def test_mixtures_are_walked_until_one_is_good_enough(tmp_path):
    names = {drop: tried(picked(tmp_path / "net.tflite", max_drop=drop)) for drop in (0.03, 0.0125, 0.01, 0.004)}
    walked = {drop: sum(name.startswith("int8_float_mixed") for name in result) for drop, result in names.items()}
    assert walked == {0.03: 0, 0.0125: 0, 0.01: 2, 0.004: 3}
    # what is slow, or makes small what is small already, is made where nothing else is left: minutes, else
    assert not any(name in result for result in names.values() for name in ("int16x8", "weight_only_mixed"))


def test_schemes_that_were_not_tried_are_listed_with_the_reason(tmp_path):
    result = untried(picked(tmp_path / "net.tflite", max_drop=0.03, failing=["dynamic_int8"]))
    assert result["dynamic_int8"] == "not possible"
    assert result["int8_float_mixed"] == "not tried: int8 keeps within the limits"
    assert result["weight_only_mixed"] == "not tried: no size is asked for that eight bits do not have"
    assert result["int16x8"] == "not tried: slow on CPUs, and others keep within the limits"
    result = untried(picked(tmp_path / "net.tflite", max_drop=0.03, calibrated=False))
    assert {result[name] for name in ("int8", "int16x8", "weight_only_mixed")} == {
        "not tried: needs calibration pictures"
    }
    result = untried(picked(tmp_path / "net.tflite", max_drop=0.03, integer_io=True))
    assert result["float16"] == result["int16x8"] == "not tried: its inputs and outputs are floats"
    result = untried(picked(tmp_path / "net.tflite", max_drop=0.01, max_size=0.29))
    assert result["int8_float_mixed"] == "not tried: int8 itself is too large or too slow"


def test_what_another_beats_in_everything_is_marked(tmp_path):
    report = picked(tmp_path / "net.tflite", max_drop=0.005, failing=["int8_float_islands"])
    marked = {c.name: c.beaten_by for c in report.candidates if c.beaten_by}
    assert marked == {"float32": "float16"}  # as good, faster and smaller; the others are each best at something
    assert all(f"beaten by {better}" in c.note for c in report.candidates if (better := marked.get(c.name)))
    sound = [c for c in report.candidates if c.status == "pass"]
    assert sound[-1].name == "float32"  # what nothing beats stands first, by its time
    assert [c.latency_ratio for c in sound[:-1]] == sorted(c.latency_ratio for c in sound[:-1])
    failed = Found("", "int8", 0.1, 0.1, accuracy_loss=0.0, status="fail")
    assert auto.beaten(Found("", "float32", 1, 1), [("int8", failed)]) is None  # what would be refused beats nothing


def test_ranges_are_chosen_where_activations_are_rounded(tmp_path):
    tuning, exporter = Tuning(ranges="mse", scales="mse"), Measured()
    auto.choose(exporter, tmp_path / "n.tflite", Limits(), FileSettings(tuning=tuning))
    inputs = exporter.tunings
    assert inputs["int8"] == inputs["int8_float_mixed"] == tuning and inputs["float16"] is None
    assert inputs["weight_only_int8"] == inputs["dynamic_int8"] == Tuning(scales="mse")


def test_nothing_is_good_enough(tmp_path):
    with pytest.raises(UserError, match="no scheme keeps within a loss of -1") as caught:
        picked(tmp_path / "net.tflite", max_drop=-1)
    assert all(name in str(caught.value) for name in MEASURED)  # then all of them are made
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_real_network(network, digits, tmp_path, capsys):
    (pictures, _), (images, labels) = digits
    report = export(
        network, tmp_path / "net.tflite", scheme="auto", calibration=iter([pictures]), images=images, labels=labels
    )
    assert report.path == str(tmp_path / "net.tflite") and (tmp_path / "net.tflite").is_file()
    assert report.accuracy_drop <= 0.01 and report.status == "pass"
    json.dumps(report.to_dict())
    names = {c.name.partition(",")[0] for c in report.candidates}
    assert names == set(SCHEMES) and sum(c.chosen for c in report.candidates) == 1
    print_reports([report])
    shown = capsys.readouterr().out
    assert "what auto chose between" in shown and all(name in shown for name in names)


def chosen_for_a_chip(path, placements, **limits):
    exporter = Measured(placements=placements, other_targets=("chip",))
    return auto.choose(exporter, path, Limits(max_drop=0.03, **limits), FileSettings())


ON_CHIP = {  # slower in LiteRT, faster on the chip
    "int8": Placement(1, milliseconds=9.0, sram_bytes=60_000, flash_bytes=90_000),
    "dynamic_int8": Placement(1, milliseconds=5.0, sram_bytes=70_000, flash_bytes=80_000),
}


def test_a_chip_that_estimates_time_decides_by_it(tmp_path):
    report = chosen_for_a_chip(tmp_path / "net.tflite", ON_CHIP)
    assert report.scheme == "dynamic_int8" and report.notes[0].startswith(
        "auto chose dynamic_int8, the fastest on chip"
    )
    chosen = next(c for c in report.candidates if c.chosen)
    assert (chosen.target_milliseconds, chosen.target_ram_bytes) == (5.0, 70_000)
    assert report.candidates[0] is chosen


def test_what_stays_on_the_cpu_is_in_no_estimate(tmp_path):
    """The more operators a file leaves to the CPU, the fewer cycles it takes on the NPU."""
    outside = Placement(5, {"SOFTMAX": 1}, milliseconds=1.0, sram_bytes=60_000, flash_bytes=80_000)
    placements = {**ON_CHIP, "dynamic_int8": outside}
    assert chosen_for_a_chip(tmp_path / "net.tflite", placements).scheme == "int8"
    with pytest.raises(UserError, match=r"no time is known of what stays on the CPU \(SOFTMAX\)"):
        chosen_for_a_chip(tmp_path / "net.tflite", placements, max_milliseconds=5)


def test_a_chip_without_a_clock_decides_by_memory(tmp_path):
    placements = {
        "int8": Placement(1, arena_bytes=50_000, flash_bytes=90_000),
        "float32": Placement(1, arena_bytes=200_000, flash_bytes=300_000),
    }
    report = chosen_for_a_chip(tmp_path / "net.tflite", placements)
    assert report.scheme == "int8" and "the smallest in RAM on chip within" in report.notes[0]


def test_limits_of_a_chip(tmp_path):
    path = tmp_path / "net.tflite"
    assert chosen_for_a_chip(path, ON_CHIP, ram="64k").scheme == "int8"
    assert chosen_for_a_chip(path, ON_CHIP, flash=85_000, max_milliseconds=6).scheme == "dynamic_int8"
    with pytest.raises(UserError, match=r"int8: .*, on chip: takes 9 ms, more than 4") as error:
        chosen_for_a_chip(path, ON_CHIP, max_milliseconds=4, ram="1M")
    assert "chip was not run: pip install chip" in str(error.value)  # nothing is known of the others


def test_without_the_chips_tool_litert_decides(tmp_path):
    report = chosen_for_a_chip(tmp_path / "net.tflite", {})
    assert report.scheme == "int8" and "the fastest within" in report.notes[0]


def test_memory_of_a_runtime_on_this_computer_decides_nothing(tmp_path):
    """litert-reference says what arena it takes; that is no reason to choose a slow file."""
    placements = {name: Placement(1, arena_bytes=1000) for name in ("float32", "float16")}
    assert chosen_for_a_chip(tmp_path / "net.tflite", placements).scheme == "int8"


def test_limits_of_a_chip_need_one(tmp_path):
    with pytest.raises(UserError, match="name one besides litert"):
        auto.choose(Measured(), tmp_path / "net.tflite", Limits(ram="256k"), FileSettings())
    with pytest.raises(UserError, match="ram is 'lots'"):
        Limits(ram="lots")
    with pytest.raises(UserError, match="max_milliseconds is 0"):
        Limits(max_milliseconds=0)
