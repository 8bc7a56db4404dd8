import io
import struct
import zipfile

import pytest

from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.files import _zip
from sklearn_mtl.files._zip import StoredZip, add_entry

MEMBERS = {"a.json": b'{"a": 1}', "tensors": bytes(range(256)) * 8, "nothing": b""}


def written(members=MEMBERS):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            add_entry(archive, name, [content[:3], content[3:]], len(content))
    return file.getvalue()


def read(content, names=".*"):
    stored = StoredZip(io.BytesIO(content), len(content), names)
    return {name: stored.read(name) for name in stored.sizes}


def test_members_come_back():
    assert read(written()) == MEMBERS
    assert StoredZip(io.BytesIO(written()), len(written())).sizes == {k: len(v) for k, v in MEMBERS.items()}


def test_others_read_it():
    with zipfile.ZipFile(io.BytesIO(written())) as archive:
        assert archive.testzip() is None
        assert {name: archive.read(name) for name in archive.namelist()} == MEMBERS


def test_files_of_others_are_read():
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
    assert read(file.getvalue()) == MEMBERS


def test_equal_members_make_equal_files():
    assert written() == written(dict(MEMBERS))


def test_size_is_checked_when_it_is_written():
    with zipfile.ZipFile(io.BytesIO(), "w") as archive, pytest.raises(ValueError, match="2 bytes instead of 3"):
        add_entry(archive, "a", [b"ab"], 3)


@pytest.mark.parametrize("limit", [0, 100, 1000])
def test_large_files(monkeypatch, limit):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", limit)
    content = written()
    assert b"PK\6\7" in content
    assert read(content) == MEMBERS
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None


def other_zip(**options):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", **options) as archive:
        for name, content in MEMBERS.items():
            archive.writestr(name, content)
    return file.getvalue()


def with_a_comment():
    file = io.BytesIO(written())
    with zipfile.ZipFile(file, "a") as archive:
        archive.comment = b"hidden"
    return file.getvalue()


def twice():
    file = io.BytesIO(written())
    with pytest.warns(UserWarning, match="Duplicate"), zipfile.ZipFile(file, "a") as archive:
        archive.writestr("tensors", b"other")
    return file.getvalue()


def streamed():
    """Write with sizes behind the members, as programs do that cannot seek."""

    class Stream(io.BytesIO):
        def seekable(self):
            return False

        def seek(self, *args):
            raise io.UnsupportedOperation

    file = Stream()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a", b"content")
    return file.getvalue()


def many():
    return written({str(number): b"" for number in range(_zip.MOST_ENTRIES + 1)})


def patched(position, new, content=None):
    content = bytearray(written() if content is None else content)
    position %= len(content)
    content[position : position + len(new)] = new
    return bytes(content)


def in_directory(offset, new, content=None):
    """Change the first entry of the central directory."""
    content = written() if content is None else content
    return patched(content.index(b"PK\1\2") + offset, new, content)


def overlapping():
    """Let the second entry of the list point to the first member."""
    content = written({"a": b"same", "b": b"same"})
    second = content.rindex(b"PK\1\2")
    changed = patched(second + 42, struct.pack("<L", 0), content)
    return patched(changed.rindex(b"PK\1\2") + 46, b"a", changed)


LIES = {
    "nothing": b"",
    "no zip": b"x" * 100,
    "compressed": other_zip(compression=zipfile.ZIP_DEFLATED),
    "comment": with_a_comment(),
    "something in front": b"#!/bin/sh\n" + written(),
    "something behind": written() + b"\0",
    "two members of one name": twice(),
    "streamed": streamed(),
    "too many": many(),
    "overlapping": overlapping(),
    "encrypted": in_directory(8, b"\1\0"),
    "compressed in the list only": in_directory(10, b"\x08\0"),
    "two sizes": in_directory(20, struct.pack("<L", 5)),
    "larger than the file": in_directory(20, struct.pack("<LL", 10**9, 10**9)),
    "as large as numbers go": in_directory(20, struct.pack("<LL", 2**32 - 1, 2**32 - 1)),
    "smaller than it is": in_directory(20, struct.pack("<LL", 1, 1)),
    "other checksum in the list": in_directory(16, b"\0\0\0\0"),
    "other place": in_directory(42, struct.pack("<L", 10)),
    "place outside": in_directory(42, struct.pack("<L", 2**31)),
    "other disk": in_directory(34, b"\1\0"),
    "another name in the list": in_directory(46, b"b"),
    "other size in front": patched(18, struct.pack("<LL", 9, 9)),
    "compressed in front": patched(8, b"\x08\0"),
    "encrypted in front": patched(6, b"\1\0"),
    "another name in front": patched(30, b"b"),
    "extra field in front": patched(28, b"\4\0"),
    "number of members": patched(-12, struct.pack("<HH", 2, 2)),
    "numbers of members": patched(-14, struct.pack("<HH", 3, 2)),
    "size of the list": patched(-10, struct.pack("<L", 20)),
    "huge size of the list": patched(-10, struct.pack("<L", 2**31)),
    "start of the list": patched(-6, struct.pack("<L", 20)),
    "damaged member": patched(40, b"?"),
}


@pytest.mark.parametrize("content", LIES.values(), ids=LIES.keys())
def test_lies_are_refused(content):
    with pytest.raises(ModelFileError):
        read(content)


@pytest.mark.parametrize("offset", range(4, 76))
def test_lies_in_the_records_of_large_files_are_refused(monkeypatch, offset):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 0)
    content = written({"a": b"content"})
    harmless = {12, 13, 14, 15}  # the versions of programs
    position = content.rindex(b"PK\6\6") + offset
    changed = patched(position, bytes([content[position] ^ 1]), content)
    if offset in harmless:
        assert read(changed) == {"a": b"content"}
    else:
        with pytest.raises(ModelFileError):
            read(changed)


@pytest.mark.parametrize("name", ["../a", "/a", "a/b", "a\\b", "C:a", "a.json\0", "A.json", "ä", "", "a.json.exe"])
def test_other_names_are_refused(name):
    content = other = written({"a.json": b"1"})
    assert read(content, r"[ab]\.json") == {"a.json": b"1"}
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        info = zipfile.ZipInfo("a")
        info.filename = name
        archive.writestr(info, b"1")
    other = file.getvalue()
    with pytest.raises(ModelFileError, match="does not belong there"):
        read(other, r"[ab]\.json")
