"""The documentation: short where it must be, linked, generated pages up to date, and every example runs."""

import ast
import re
import shlex
from pathlib import Path

import keras
import pytest
from PIL import Image

import keras_cnns
from keras_cnns.cli.commands import COMMANDS, main
from keras_cnns.data.sources.digits import arrays
from keras_cnns.maintenance.reference_pages import ENVIRONMENT, FOLDER, PAGES
from keras_cnns.testing import pictures
from keras_cnns.training.script import Flags
from tests.cli.test_help import flags_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
NOT_RUN = "Not run by the tests"  # begins the comment above such a block, which says why
# Whose commands are run; of all others the flags are checked.
RUN = [ROOT / "README.md", pytest.param(DOCS / "start/ten_minutes.md", marks=pytest.mark.slow)]

# Words that the glossary replaces. See CONTRIBUTING.md.
REPLACED = {
    r"\bg(iven?|ives|iving|ave) away\b": "expected accuracy loss",
    r"\bspar(ed|ing)\b": "left in float",
    r"\bregret": "expected accuracy loss",
    r"\bharm(s|ful|ed)?\b": "sensitivity",
    r"\bmade[- ]up\b": "synthetic",
    r"\btold apart\b|\btells? .{0,20}apart\b": "distinguish",
    r"\bhand(ed|s)? over\b": "write",
    r"\b(the|own|lower) (house|floor)\b": "layout, layer",
    r"\bremarks?\b": "note, warning",
    r"\bkept out\b": "left in float",
}


def blocks(path, language):
    """(text, whether the tests run it) of the code blocks of that language."""
    text = path.read_text(encoding="utf-8")
    pattern = re.compile(rf"(?:<!--(?P<comment>[^>]*)-->\s*)?```{language}\n(?P<code>.*?)```", re.S)
    return [(match["code"], NOT_RUN not in (match["comment"] or "")) for match in pattern.finditer(text)]


def commands(path):
    """The words of every `keras-cnns` command in the shell blocks of a document."""
    for block, run in blocks(path, "sh"):
        for line in block.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words[:1] == ["keras-cnns"]:
                yield words[1:], run


def test_the_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 120


def test_the_number_of_networks_is_up_to_date():
    count = len(keras_cnns.list_models())
    assert f"{count} networks have names" in (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"[{count}](../reference/networks.md)" in (DOCS / "measurements/peers.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_lead_somewhere(path):
    for target in re.findall(r"\]\((?!https?:|mailto:)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


def test_the_index_links_every_page():
    index = (DOCS / "index.md").read_text(encoding="utf-8")
    linked = {(DOCS / target).resolve() for target in re.findall(r"\]\(([^)#]+\.md)", index)}
    assert set(DOCS.rglob("*.md")) - linked == {DOCS / "index.md"}


def test_the_navigation_has_every_page():
    navigation = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    assert not [page for page in DOCS.rglob("*.md") if page.relative_to(DOCS).as_posix() not in navigation]


def test_every_page_is_linked_from_another_one():
    """Beside the index: a reader who is on a neighbouring page finds it."""
    index = DOCS / "index.md"
    linked = set()
    for page in DOCS.rglob("*.md"):
        targets = re.findall(r"\]\((?!https?:)([^)#]+\.md)", page.read_text(encoding="utf-8"))
        linked |= {(page.parent / target).resolve() for target in targets} - {page} if page != index else set()
    assert set(DOCS.rglob("*.md")) - linked == {index}


@pytest.mark.parametrize("page", PAGES)
def test_generated_pages_are_up_to_date(page):
    written = (FOLDER / page).read_text(encoding="utf-8")
    assert written == PAGES[page](), "python -m keras_cnns.maintenance.reference_pages writes it"


def test_the_page_of_commands_has_every_environment_variable():
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "keras_cnns").rglob("*.py"))
    used = {variable for source in sources for variable in re.findall(r'"(KERAS_CNNS_[A-Z_]+)"', source)}
    assert used == {variable for variable, *_ in ENVIRONMENT}


def test_the_page_of_networks_has_every_name_and_its_costs():
    text = (FOLDER / "networks.md").read_text(encoding="utf-8")
    assert all(f"| `{name}` |" in text for name in keras_cnns.list_models())
    assert "| `resnet50` | He et al. 2015 | 224x224x3 | 25,636,712 | 3.86 G |" in text


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_flags_of_every_command_exist(path):
    for words, _ in commands(path):
        assert words[0].startswith("-") or words[0] in COMMANDS, words
        known = flags_of(Flags) if words[0] == "train" else flags_of(COMMANDS.get(words[0], COMMANDS["list"]))
        known |= {"--help", "--help-all", "--version"}
        assert {word.partition("=")[0] for word in words if word.startswith("--")} <= known, words


@pytest.fixture
def photos(tmp_path, monkeypatch):
    """A working folder with photographs of two classes, a picture, and LeNet-5 in place of the downloads."""
    monkeypatch.chdir(tmp_path)
    for name, shade in (("cat", 60), ("dog", 180)):
        (tmp_path / "photos" / name).mkdir(parents=True)
        for number, picture in enumerate(pictures(20, (32, 32, 3), seed=shade, high=70)):
            Image.fromarray((picture + shade).astype("uint8")).save(tmp_path / "photos" / name / f"{number}.png")
    for name in ("cat.jpg", "new.jpg"):
        Image.fromarray(pictures(1, (40, 50, 3), high=255)[0].astype("uint8")).save(tmp_path / name)
    return tmp_path


SMALL = "--model lenet5 --input-shape 32 32 3 --epochs 1 --batch-size 8"


@pytest.mark.parametrize("path", RUN, ids=["README", "ten_minutes"])
def test_the_commands_run(path, photos):
    """Word for word, but for the network, which is a small one that starts from nothing."""
    for words, run in commands(path):
        if not run or words == ["demo"]:  # tests/test_demo.py has it
            continue
        if words[0] == "train":
            words += [*SMALL.split(), *([] if "--weights" in words else ["--weights", "None"])]
        if words[0] == "export":
            words += ["--force"]  # it has hardly been trained
        with pytest.raises(SystemExit) as end:
            main(words)
        assert end.value.code in ((0, 1) if "--check" in words else (0,)), words


@pytest.fixture(scope="module")
def names():
    """What the Python blocks take for granted: a network that knows the digits, pictures and labels."""
    keras.utils.set_random_seed(0)
    (training, labels), (test, test_labels) = arrays().values()
    training, test = (keras.ops.image.resize(x, (32, 32)).numpy() / 255 for x in (training, test))
    model = keras_cnns.build("lenet5", input_shape=(32, 32, 1))
    model.compile(keras.optimizers.Adam(3e-3), "sparse_categorical_crossentropy", jit_compile=False)
    model.fit(training, labels, 32, epochs=4, verbose=0)
    known = {"training_pictures": training, "training_labels": labels}
    known |= {"test_pictures": test, "test_labels": test_labels}
    return {"keras_cnns": keras_cnns, "model": model, **known}


@pytest.fixture
def published(photos, monkeypatch):
    """A file in place of the published weights that `weights="imagenet"` downloads."""
    file = photos / "published.weights.h5"
    keras_cnns.build("mobilenet_v2").save_weights(file)
    monkeypatch.setattr("keras_cnns.weights.download.fetch", lambda *args, **options: file)


PYTHON = [path for path in DOCUMENTS if blocks(path, "python")]


@pytest.mark.parametrize("path", PYTHON, ids=lambda path: str(path.relative_to(ROOT)))
def test_the_python_runs(path, request, photos):
    codes = [code for code, run in blocks(path, "python") if run]
    for code, _ in blocks(path, "python"):
        ast.parse(code)
    known = {}
    if any('"imagenet"' in code for code in codes):
        request.getfixturevalue("published")
    if any("model" in code for code in codes):
        known = dict(request.getfixturevalue("names"))
    for code in codes:
        known["model"] = request.getfixturevalue("names")["model"] if "model" in known else None
        exec(code, known)
    if "report" in known:
        assert known["report"].status == "pass" and known["report"].accuracy > 0.85


def messages(path):
    """The texts of the errors raised in a file and of what it logs."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Call):
            name = getattr(node.func, "id", "") or getattr(node.func, "attr", "")
            if name[:1].isupper() or name in ("warning", "info", "once", "warn"):
                parts = [part for argument in node.args for part in ast.walk(argument)]
                yield " ".join(p.value for p in parts if isinstance(p, ast.Constant) and isinstance(p.value, str))


def test_no_document_and_no_message_uses_a_word_that_the_glossary_replaces():
    texts = {path: path.read_text(encoding="utf-8") for path in DOCUMENTS if path.name != "CONTRIBUTING.md"}
    texts |= {path: "\n".join(messages(path)) for path in (ROOT / "keras_cnns").rglob("*.py")}
    result = [
        f"{path.relative_to(ROOT)}: {match[0]!r}: write {word}"
        for path, text in texts.items()
        for pattern, word in REPLACED.items()
        for match in re.finditer(pattern, text)
    ]
    assert not result, "\n".join(result)
