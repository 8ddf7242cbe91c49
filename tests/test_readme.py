"""The README says what is so."""

from pathlib import Path

from keras_cnns import list_models
from keras_cnns.models.table import renewed, rows

README = Path(__file__).parents[1] / "README.md"


def test_its_table_of_models_is_up_to_date():
    text = README.read_text(encoding="utf-8")
    assert renewed(text) == text, "python -m keras_cnns.models.table README.md writes it anew"
    assert all(f"| `{name}` |" in text for name in list_models())


def test_a_row_says_what_the_network_costs():
    row = next(row for row in rows() if row[0] == "`resnet50`")
    assert row[1:5] == ("He et al. 2015", "224x224x3", "25,636,712", "3.86 G")


def test_its_links_lead_somewhere():
    import re

    for target in re.findall(r"\]\((?!http)([^)#]+)", README.read_text(encoding="utf-8")):
        assert (README.parent / target).exists(), target
