"""The pages of measurements have every network, and show what they were made for."""

import re
from pathlib import Path

import pytest

import keras_cnns

DOCS = Path(__file__).parents[2] / "docs" / "measurements"


def table(page, heading):
    """{network: {column: text}} of the table on a page whose first columns are `heading`."""
    lines = (DOCS / page).read_text(encoding="utf-8").splitlines()
    start = next(i for i, line in enumerate(lines) if line.startswith(f"| {heading} |"))
    columns, results = [cell.strip() for cell in lines[start].strip("|").split("|")], {}
    for line in lines[start + 2 :]:
        if not line.startswith("|"):
            break
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        results[re.match("`(.*?)`", cells[0])[1]] = dict(zip(columns, cells, strict=True))
    return results


def test_every_network_stands_in_the_phone_table_or_is_named_with_the_reason():
    rows = table("phone.md", "network | pixels")
    named = set(re.findall(r"^- `(.*?)`: not tried, ", (DOCS / "phone.md").read_text(encoding="utf-8"), re.M))
    assert set(keras_cnns.list_models()) == set(rows) | named and not set(rows) & named


def test_a_failing_cell_has_its_reason():
    text = (DOCS / "phone.md").read_text(encoding="utf-8")
    for name, row in table("phone.md", "network | pixels").items():
        for scheme, cell in row.items():
            if cell == "no" or cell.endswith(" fail"):
                assert f"- `{name}`, {scheme}: " in text


def test_int8_is_fast_on_every_mobile_network():
    rows = table("phone.md", "network | float32")
    assert {"mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large", "efficientnet_b0"} <= set(rows)
    for name, row in rows.items():
        best = min(float(row[scheme].split(", ")[1]) for scheme in ("int8", "int8_float_islands"))
        size, time, *_ = map(float, row["weight_only_int8"].split(", "))
        assert best <= 0.75 and size <= 0.3 and time <= 1.15, name


@pytest.fixture(scope="module")
def accuracies():
    return table("quantization.md", "network | pixels")


def test_int8_costs_no_more_than_a_hundredth(accuracies):
    assert {"mobilenet_v1", "mobilenet_v2", "mobilenet_v3_small", "mobilenet_v3_large"} <= set(accuracies)
    for name, row in accuracies.items():
        assert float(row["int8 after training"]) >= float(row["float32"]) - 0.01, name


def test_training_further_keeps_the_accuracy_and_the_file_answers_as_trained(accuracies):
    for name, row in accuracies.items():
        wanted = min(float(row["float32"]) - 0.005, float(row["int8 after training"]))
        assert float(row["keras: int8"]) >= wanted, name
        assert float(row["keras: agreement"]) >= 0.98 and float(row["tfmot: agreement"]) >= 0.98, name
