"""A tag is released only if version, changelog and citation are of the same release."""

import importlib.util
import re
from pathlib import Path

import pytest

from keras_cnns.version import __version__

ROOT = Path(__file__).parents[1]


@pytest.fixture
def check():
    spec = importlib.util.spec_from_file_location("check_tag", ROOT / ".ci/check_tag.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def release(tmp_path):
    """A checkout that may be released as v1.2.3."""
    (tmp_path / "keras_cnns").mkdir()
    (tmp_path / "keras_cnns/version.py").write_text('__version__ = "1.2.3"\n')
    (tmp_path / "CHANGELOG.md").write_text("# Changelog\n\n## [1.2.3] - 2026-12-01\n\n- new\n")
    (tmp_path / "CITATION.cff").write_text("version: 1.2.3\n")
    return tmp_path


def test_a_release_whose_files_agree_has_no_problems(check, release):
    assert check.problems("v1.2.3", release) == []


@pytest.mark.parametrize(
    "file, text, message",
    [
        ("keras_cnns/version.py", '__version__ = "1.3.0"\n', "the tag must be v1.3.0"),
        ("CHANGELOG.md", "## [1.2.2] - 2026-11-01\n", r"no section \[1.2.3\]"),
        ("CHANGELOG.md", "## [1.2.3] - Unreleased\n", "no date"),
        ("CITATION.cff", "version: 1.2.2\n", "CITATION.cff is not of version 1.2.3"),
    ],
)
def test_a_file_of_another_release_is_named(check, release, file, text, message):
    (release / file).write_text(text)
    assert re.search(message, "\n".join(check.problems("v1.2.3", release)))


def test_this_checkout_is_ready_but_for_the_date(check):
    assert all("no date" in problem for problem in check.problems(f"v{__version__}"))


def test_the_workflow_runs_what_developers_run():
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    for script in (".ci/run", ".ci/wheel", ".ci/check_tag.py"):
        assert script in text and (ROOT / script).is_file()
    assert "id-token: write" in text and "password" not in re.sub("#.*", "", text)
