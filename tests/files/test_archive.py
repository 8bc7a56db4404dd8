import zipfile

import numpy as np
import pytest

from sklearn_mtl.exceptions import ModelFileError
from sklearn_mtl.files._archive import DIGEST, pack_archive, read_archive

MEMBERS = {"manifest.json": b'{"a": 1}', "tensors": bytes(range(256)) * 8}


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(pack_archive(MEMBERS))
    return path


def test_members_come_back(path):
    assert read_archive(path, list(MEMBERS)) == MEMBERS


def test_equal_members_make_equal_files(path):
    assert path.read_bytes() == pack_archive(MEMBERS)


def test_absent_file_is_no_damaged_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        read_archive(tmp_path / "absent", ["a"])


@pytest.mark.parametrize("names", [["manifest.json"], [*MEMBERS, "more"], []])
def test_other_members_are_refused(path, names):
    with pytest.raises(ModelFileError, match="it has the entries"):
        read_archive(path, names)


def rewrite(path, members, **options):
    with zipfile.ZipFile(path, "w", **options) as archive:
        for name, content in members:
            archive.writestr(name, content)


def contents(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def test_lies_are_refused(path):
    honest = contents(path)
    lies = {
        "changed": {**honest, "tensors": b"x" * len(honest["tensors"])},
        "swapped": {**honest, "tensors": honest["manifest.json"], "manifest.json": honest["tensors"]},
        "another digest": {**honest, DIGEST: honest[DIGEST].replace(b"8", b"9")},
        "no digest": {name: content for name, content in honest.items() if name != DIGEST},
        "a digest of nothing": {**honest, DIGEST: b"{}"},
        "no JSON": {**honest, DIGEST: b"[" * 5000},
    }
    for members in lies.values():
        rewrite(path, members.items())
        with pytest.raises(ModelFileError, match="file is damaged"):
            read_archive(path, list(MEMBERS))


def test_compressed_members_are_refused(path):
    rewrite(path, contents(path).items(), compression=zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelFileError, match="is compressed"):
        read_archive(path, list(MEMBERS))


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_members_that_are_there_twice_are_refused(path):
    rewrite(path, [*contents(path).items(), ("tensors", b"other")])
    with pytest.raises(ModelFileError, match="it has the entry tensors twice"):
        read_archive(path, list(MEMBERS))


def test_any_damage_is_refused_or_harmless(path):
    honest, rng = path.read_bytes(), np.random.default_rng(0)
    outcomes = {"refused": 0, "harmless": 0}
    for number in range(600):
        content, position = bytearray(honest), int(rng.integers(len(honest)))
        match number % 4:
            case 0:
                content[position] ^= 1 << int(rng.integers(8))
            case 1:
                del content[position:]
            case 2:
                del content[position]
            case 3:
                content.insert(position, int(rng.integers(256)))
        path.write_bytes(content)
        try:
            assert read_archive(path, list(MEMBERS)) == MEMBERS
            outcomes["harmless"] += 1
        except ModelFileError:
            outcomes["refused"] += 1
    # what changes only dates and the like in the headers of the zip file
    assert outcomes["refused"] > 500, outcomes
