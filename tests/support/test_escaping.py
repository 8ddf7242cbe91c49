"""Generated sources mean the same whatever a name holds: each language's own parser reads the name back."""

import ast
import ctypes
import html.parser
import json
import shutil
import subprocess

import html5lib
import markdown_it
import pytest
import tree_sitter
import tree_sitter_c
import tree_sitter_javascript
import tree_sitter_kotlin
import tree_sitter_swift
from hypothesis import example, given, settings
from hypothesis import strategies as st

from keras_cnns.support import escaping

GRAMMARS = {
    "c": tree_sitter_c,
    "javascript": tree_sitter_javascript,
    "kotlin": tree_sitter_kotlin,
    "swift": tree_sitter_swift,
}
HOSTILE = [
    'a"b',
    "a'b",
    "a\\",
    'a\\"; exit(1); //',
    "a\nb",
    "a\r\nb\u2028c\u2029d\x0be",
    "$a ${b}",
    "\\(a) \\u{41}",
    "a */ b /* c */",
    "/*/",
    "*//*",
    "--> <!-- a --",
    "</script><script>b</script>",
    "```\nb\n````",
    "`b`",
    "# a [b](c) *d* _e_ | f",
    "&amp; <b> 'c'",
    "??/",
    "a\\\\",
    "a\x00b\x07",
    "\u202ea\u2066b\u200f",
    "\udc80",
    "größe 犬 😀",
    "\U000e0041",
    "%s {0} {{ x }} {% y %}",
    "",
]


def hostile(test):
    """Runs a test of one name on all of HOSTILE and on random texts."""
    for name in HOSTILE:
        test = example(name)(test)
    return settings(max_examples=60, deadline=None, derandomize=True)(given(st.text(max_size=30))(test))


def replaced(text):
    """The text with the replacement character for halves of surrogate pairs."""
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if text else text


def parsed(language, source):
    """The tree of a source without errors."""
    tree = tree_sitter.Parser(tree_sitter.Language(GRAMMARS[language].language())).parse(source.encode())
    assert not tree.root_node.has_error, source
    return tree.root_node


def kinds(node):
    """The kinds of all named nodes below a node."""
    return [child.type for child in node.named_children] + [k for child in node.named_children for k in kinds(child)]


@hostile
def test_python(name):
    assert ast.literal_eval(escaping.python_string(name)) == name


@hostile
def test_javascript(name):
    literal = escaping.javascript_string(name)
    assert json.loads(literal) == name  # of this form, JavaScript and JSON mean the same
    assert not set("<>&") & set(literal)


@hostile
def test_kotlin(name):
    root = parsed("kotlin", f"val a = {escaping.kotlin_string(name)}\nval b = 1\n")
    assert [child.type for child in root.named_children] == ["property_declaration"] * 2
    assert "interpolation" not in kinds(root)


@hostile
def test_swift(name):
    root = parsed("swift", f"let a = {escaping.swift_string(name)}\nlet b = 1\n")
    assert [child.type for child in root.named_children] == ["property_declaration"] * 2
    assert not [kind for kind in kinds(root) if "interpol" in kind]


@pytest.mark.parametrize("language", ["kotlin", "swift", "c", "javascript"])
def test_a_comment_ends_at_its_end(language):
    for name in HOSTILE:
        text = escaping.comment_text(name)
        if language == "c":
            source = f"// {text}\nint a;\n/* {text} */\nint b;\n"
        else:
            word = {"kotlin": "val", "swift": "let", "javascript": "let"}[language]
            source = f"// {text}\n{word} a = 1\n/* {text} */\n{word} b = 1\n"
        others = [child.type for child in parsed(language, source).named_children if "comment" not in child.type]
        assert len(others) == 2, source


@pytest.mark.skipif(not shutil.which("gcc"), reason="there is no gcc")
def test_c(tmp_path):
    """gcc reads every name back, with trigraphs on."""
    lines = [f"/* {escaping.comment_text(n)} */ // {escaping.comment_text(n)}" for n in HOSTILE]
    names = ",\n".join(escaping.c_string(name) for name in HOSTILE)
    (tmp_path / "a.c").write_text("\n".join(lines) + f"\nconst char *names[] = {{\n{names}}};\n")
    command = ["gcc", "-std=c99", "-trigraphs", "-Wall", "-Werror", "-shared", "-fPIC", "a.c", "-o", "a.so"]
    subprocess.run(command, cwd=tmp_path, check=True)
    array = (ctypes.c_char_p * len(HOSTILE)).in_dll(ctypes.CDLL(str(tmp_path / "a.so")), "names")
    assert [text.decode() for text in array] == [replaced(name).split("\0")[0] for name in HOSTILE]


@hostile
def test_html(name):
    class Reader(html.parser.HTMLParser):
        text, tags = "", []

        def handle_starttag(self, tag, attributes):
            self.tags = [*self.tags, (tag, dict(attributes))]

        def handle_data(self, data):
            self.text += data

    reader = Reader()
    reader.feed(f'<p title="{escaping.html_text(name)}">{escaping.html_text(name)}</p>')
    reader.close()
    visible = "".join(" " if escaping._invisible(letter) else letter for letter in name)
    assert reader.tags == [("p", {"title": visible})] and reader.text == visible


def test_html_by_the_parser_of_the_standard():
    for name in HOSTILE:
        text = escaping.html_text(name)
        script = f"<script>a={escaping.javascript_string(name)}</script>"
        page = f'<!doctype html><title>{text}</title><p title="{text}">{text}</p>{script}'
        tree = html5lib.parse(page, namespaceHTMLElements=False)
        assert [node.tag for node in tree.iter()] == ["html", "head", "title", "body", "p", "script"]


def test_markdown():
    """No name makes anything but text, and no code ends its fence."""
    markdown = markdown_it.MarkdownIt()
    for name in HOSTILE:
        tokens = markdown.parse(f"# a {escaping.markdown_text(name)}\n\nb\n")
        blocks = [token.type for token in tokens if token.level == 0]
        assert blocks == ["heading_open", "heading_close", "paragraph_open", "paragraph_close"]
        (inline, _) = [token for token in tokens if token.type == "inline"]
        assert {child.type for child in inline.children} <= {"text", "text_special"}
        assert inline.content and "".join(c.content for c in inline.children) == f"a {escaping.one_line(name)}".strip()
        (block,) = markdown.parse(escaping.markdown_code(name + "\n```\n", "kotlin"))
        assert block.type == "fence"
