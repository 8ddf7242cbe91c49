"""The comparison of networks: published figures, the Pareto front, and files measured here."""

import json

import pytest
from PIL import Image

from keras_cnns import UserError, info
from keras_cnns.cli import commands
from keras_cnns.insight import compare as page
from keras_cnns.weights.catalog import published


def test_rows_are_the_registrys_and_the_publishers_and_nothing_is_built(monkeypatch):
    def builds(*args, **kwargs):
        raise AssertionError("a network was built")

    monkeypatch.setattr(page, "build", builds)
    rows = {row.name: row for row in page.compare("mobilenet*", "resnet50")}
    row = rows["resnet50"]
    assert (row.params, row.macs) == (info("resnet50")["params"], info("resnet50")["macs"])
    known = published("resnet50")[row.source]
    assert (row.top1, row.evaluation, row.size) == (known.top1, known.evaluation, known.size)
    assert [r.macs for r in rows.values()] == sorted(r.macs for r in rows.values())


def test_the_front_is_of_those_that_no_other_beats_in_both():
    rows = page.compare("*")
    with_figure = [row for row in rows if row.top1 is not None]
    for row in with_figure:
        beaten = any(
            other.macs <= row.macs and other.top1 >= row.top1 and (other.macs, other.top1) != (row.macs, row.top1)
            for other in with_figure
        )
        assert row.front != beaten, row.name
    assert not any(row.front for row in rows if row.top1 is None)


@pytest.mark.parametrize("suffix", [".png", ".svg", ".html"])
def test_the_chart_is_written(tmp_path, suffix):
    path = tmp_path / f"chart{suffix}"
    page.write(page.compare("efficientnet_b*"), path)
    if suffix == ".png":
        assert Image.open(path).size[0] > 600
    else:
        text = path.read_text()
        assert ("efficientnet_b0 *" in text) if suffix == ".html" else ("</svg>" in text)


def test_a_file_is_measured(monkeypatch):
    (row,) = page.compare("lenet5", measure="float32")
    assert row.size_bytes > 4 * row.params and row.latency_ms > 0


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["mobilefoo*"], "Did you mean mobilenet"),
        (["lenet5", "--out", "x.png"], "no chart"),
        (["resnet50", "--out", "x.bmp"], "must end in .png"),
        (["lenet5", "--measure", "int9"], "int9"),
    ],
)
def test_mistakes_end_in_one_line(capsys, words, says):
    with pytest.raises(SystemExit) as exit:
        commands.main(["compare", *words])
    err = capsys.readouterr().err
    assert exit.value.code == 2 and says in err


def test_the_command(capsys):
    with pytest.raises(SystemExit):
        commands.main(["compare", "vgg16", "--json"])
    (row,) = json.loads(capsys.readouterr().out)
    assert row["name"] == "vgg16" and row["top1"] > 70


def test_a_network_without_figures_has_none():
    (row,) = page.compare("lenet5_1998")
    assert row.top1 is None and page.cells(row)[4] == ""
    with pytest.raises(UserError):
        page.chart([row])
