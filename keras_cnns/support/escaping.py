"""Texts inside generated sources: one function per language, so that a name never ends a string, a comment or a fence.

Class names, card names and file names come from outside. Whatever they hold (quotes, line breaks, `$`, backslashes,
backticks, `*/`, invisible characters that reorder a line), the generated file means the same program.
"""

import html
import json
import re
import unicodedata
from collections.abc import Callable

# Control and format characters, line and paragraph separators, halves of surrogate pairs.
_INVISIBLE = {"Cc", "Cf", "Cs", "Zl", "Zp"}
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:$^=])")


def kotlin_string(text: object) -> str:
    """A Kotlin string literal, with its quotes.

    >>> print(kotlin_string('5" disc for $3'))
    "5\\" disc for \\$3"
    """
    return _quoted(text, {"\\": r"\\", '"': r"\"", "$": r"\$"}, _utf16)


def swift_string(text: object) -> str:
    """A Swift string literal, with its quotes. Escaped backslashes also keep `\\(` from being an interpolation."""
    return _quoted(text, {"\\": r"\\", '"': r"\""}, lambda letter: f"\\u{{{ord(_valid(letter)):X}}}")


def python_string(text: object) -> str:
    """A Python string literal, with its quotes."""
    return ascii(str(text))


def c_string(text: object) -> str:
    """A C string literal in UTF-8, with its quotes: ASCII only, with octal escapes and without trigraphs."""
    octal = "".join(
        chr(byte) if 32 <= byte < 127 and byte not in b'"\\?' else f"\\{byte:03o}"
        for byte in "".join(map(_valid, str(text))).encode()
    )
    return f'"{octal}"'


def javascript_string(text: object) -> str:
    """A JavaScript string literal, with its quotes, that may stand in a `<script>` of an HTML page."""
    literal = json.dumps(str(text), ensure_ascii=True)
    return re.sub("[<>&'`]", lambda mark: f"\\u{ord(mark[0]):04x}", literal)


def html_text(text: object) -> str:
    """Text in an HTML page, between tags or in a quoted attribute."""
    return html.escape("".join(" " if _invisible(letter) else letter for letter in str(text)), quote=True)


def markdown_text(text: object) -> str:
    """Text on one line of Markdown: none of it is a heading, a link, emphasis, code or HTML."""
    return _MARKDOWN.sub(r"\\\1", one_line(text)).replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def markdown_code(code: str, language: str) -> str:
    """A fenced block of code in Markdown, whose fence is longer than any run of backticks in the code."""
    longest = max((len(run) for run in re.findall("`+", code)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{code.rstrip()}\n{fence}"


def comment_text(text: object) -> str:
    """Text for a comment in any of these languages: one line that opens and closes nothing and continues no line."""
    line = re.sub(r"[*/?<>\\-]{2,}", lambda run: " ".join(run[0]), one_line(text))  # "*/", "/*", "--", "??/" fall apart
    return line.replace("<", "(").replace(">", ")").rstrip("\\ ")


def one_line(text: object) -> str:
    """The text with a space in place of every run of line breaks and invisible characters."""
    return " ".join("".join(" " if _invisible(letter) else letter for letter in str(text)).split())


def _quoted(text: object, escapes: dict[str, str], invisible: Callable[[str], str]) -> str:
    letters = (escapes.get(letter) or (invisible(letter) if _invisible(letter) else letter) for letter in str(text))
    return f'"{"".join(letters)}"'


def _invisible(letter: str) -> bool:
    return unicodedata.category(letter) in _INVISIBLE


def _valid(letter: str) -> str:
    """The character, or the replacement character for half of a surrogate pair, which UTF-8 cannot hold."""
    return "\ufffd" if unicodedata.category(letter) == "Cs" else letter


def _utf16(letter: str) -> str:
    data = _valid(letter).encode("utf-16-be")
    return "".join(f"\\u{data[i : i + 2].hex()}" for i in range(0, len(data), 2))
