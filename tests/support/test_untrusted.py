"""What other people wrote is checked before it is believed: paths, kinds of files, sizes, nesting, compression."""

import json
import os
import socket

import pytest

from keras_cnns.support import untrusted
from keras_cnns.support.errors import UserError


@pytest.mark.parametrize("name", ["a.png", "sub/a.png", "sub\\a.png", "./a.png", "sub/../a.png", "..a/b.png"])
def test_a_name_inside_the_folder_is_a_path_there(tmp_path, name):
    assert untrusted.inside(tmp_path, name).is_relative_to(tmp_path)


OUTSIDE = [
    "../a.png",
    "sub/../../a.png",
    "/etc/passwd",
    "C:\\a.png",
    "C:a.png",
    "\\\\host\\a.png",
    "..\\a.png",
    "",
    "a\0b",
]


@pytest.mark.parametrize("name", OUTSIDE)
@pytest.mark.parametrize("links", [False, True])
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, name, links):
    with pytest.raises(UserError, match="names") as error:
        untrusted.inside(tmp_path, name, links=links, source="boxes.json")
    assert "boxes.json" in str(error.value)


def test_a_link_may_lead_out_only_where_links_are_allowed(tmp_path):
    inner, outer = tmp_path / "inner", tmp_path / "outer"
    inner.mkdir(), outer.mkdir()
    (inner / "link").symlink_to(outer)
    assert untrusted.inside(inner, "link/a.png", links=True) == inner / "link" / "a.png"
    with pytest.raises(UserError, match="leads out"):
        untrusted.inside(inner, "link/a.png")


def test_the_folder_itself_may_be_a_link(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "real")
    assert untrusted.inside(tmp_path / "link", "a.png").name == "a.png"


def test_a_link_to_itself_is_refused(tmp_path):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises((UserError, OSError)):
        untrusted.read_bytes(untrusted.inside(tmp_path, "loop"))


@pytest.fixture
def special_files(tmp_path, monkeypatch):
    """{a word of the message: a path that is not a regular file}."""
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 107 characters
    os.mkfifo("pipe.png")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("socket.png")
    return {"FIFO": tmp_path / "pipe.png", "socket": tmp_path / "socket.png", "folder": tmp_path, "device": "/dev/zero"}


READERS = ("read_bytes", "read_text", "read_json", "read_xml", "read_yaml")


@pytest.mark.parametrize("reader", READERS)
def test_only_regular_files_are_opened(special_files, reader):
    for word, path in special_files.items():
        with pytest.raises(UserError, match=word):
            getattr(untrusted, reader)(path)


def test_a_file_larger_than_its_limit_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "large"
    with open(path, "wb") as file:
        file.truncate(10 * 2**40)  # a sparse file of 10 TiB
    with pytest.raises(UserError, match="larger than 64 MiB"):
        untrusted.read_text(path)
    (tmp_path / "exact").write_bytes(b"12345")
    assert untrusted.read_bytes(tmp_path / "exact", 5) == b"12345"
    with pytest.raises(UserError, match="4 bytes"):
        untrusted.read_bytes(tmp_path / "exact", 4)


def test_texts_are_utf_8_with_or_without_a_mark(tmp_path):
    (tmp_path / "text").write_bytes("\ufeffgröße\r\n".encode())
    assert untrusted.read_text(tmp_path / "text") == "größe\n"
    (tmp_path / "text").write_bytes(b"\xff\xfe")
    with pytest.raises(UserError, match="UTF-8"):
        untrusted.read_text(tmp_path / "text")


@pytest.mark.parametrize("declared", [-1, 11, 2**63, 1.5, True, None, "3"])
def test_a_declared_size_that_the_file_cannot_hold_is_refused(declared):
    assert untrusted.check_declared(10, 10, "the tensor") == 10
    with pytest.raises(UserError, match="the tensor has a declared size"):
        untrusted.check_declared(declared, 10, "the tensor")


def nested(depth, kind):
    opening, closing = {"list": ("[", "]"), "dict": ('{"a":', "}")}[kind]
    return opening * depth + "1" + closing * depth


@pytest.mark.parametrize("kind", ["list", "dict"])
def test_json_may_nest_200_deep_and_no_deeper(kind):
    untrusted.parse_json(nested(200, kind))
    for depth in (201, 100_000):
        with pytest.raises(ValueError, match="200"):
            untrusted.parse_json(nested(depth, kind))


def test_brackets_in_strings_do_not_nest_and_do_not_hide_nesting():
    text = json.dumps(["[" * 500, '"' + "{" * 500, "\\", "]"])
    assert untrusted.parse_json(text) == json.loads(text)
    hidden = '["]", ' * 300 + "1" + "]" * 300
    with pytest.raises(ValueError, match="200"):
        untrusted.parse_json(hidden)


def test_a_long_flat_json_is_read_over_several_blocks():
    values = [{"name": 'a "quoted" [name', "box": [1, 2, 3, 4]}] * 150_000  # more than 8 MiB
    assert untrusted.parse_json(json.dumps(values)) == values


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[1,]", b"NaN?"])
def test_what_is_not_json_names_its_file(tmp_path, data):
    (tmp_path / "a.json").write_bytes(data)
    with pytest.raises(UserError, match="a.json"):
        untrusted.read_json(tmp_path / "a.json")


BAD_XML = {
    "unknown encoding": b'<?xml version="1.0" encoding="no-such-thing"?><a/>',
    "cut short": b"<a><b></a>",
    "an entity": b'<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>',
    "an external entity": b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/hostname">]><a>&b;</a>',
    "too deep": b"<a>" * 201 + b"</a>" * 201,
    "empty": b"",
}


@pytest.mark.parametrize("fault", BAD_XML)
def test_xml_that_cannot_be_trusted_is_refused(tmp_path, fault):
    (tmp_path / "a.xml").write_bytes(BAD_XML[fault])
    with pytest.raises(UserError, match="a.xml"):
        untrusted.read_xml(tmp_path / "a.xml")


def test_xml_in_another_encoding_is_read(tmp_path):
    (tmp_path / "a.xml").write_bytes('<?xml version="1.0" encoding="iso-8859-1"?><a>größe</a>'.encode("latin-1"))
    assert untrusted.read_xml(tmp_path / "a.xml").text == "größe"


BAD_YAML = {
    "an object": "!!python/object/apply:os.getcwd []",
    "an alias": "a: &b [1]\nc: *b",
    "not YAML": "a: [1",
    "too deep": "[" * 300 + "]" * 300,
    "a date that is none": "a: 2024-13-45",
}


@pytest.mark.parametrize("fault", BAD_YAML)
def test_yaml_that_cannot_be_trusted_is_refused(tmp_path, fault):
    (tmp_path / "data.yaml").write_text(BAD_YAML[fault])
    with pytest.raises(UserError, match="data.yaml"):
        untrusted.read_yaml(tmp_path / "data.yaml")


def test_yaml_of_a_data_set_is_read(tmp_path):
    (tmp_path / "data.yaml").write_text("train: images/train\nnc: 2\nnames: {0: cat, 1: dog}\n")
    assert untrusted.read_yaml(tmp_path / "data.yaml")["names"] == {0: "cat", 1: "dog"}
