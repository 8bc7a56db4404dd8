import os

import pytest

from sklearn_mtl.utils import _files
from sklearn_mtl.utils._files import write_atomically


def test_content_is_written_and_replaced(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(str(path), b"new, and longer")
    assert path.read_bytes() == b"new, and longer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_leaves_the_old_file_alone(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(_files.os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_content_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    order = []
    for step in ("fsync", "replace"):
        function = getattr(os, step)
        monkeypatch.setattr(_files.os, step, lambda *args, f=function, s=step: (order.append(s), f(*args)))
    write_atomically(tmp_path / "file", b"new")
    assert order[:2] == ["fsync", "replace"]


def test_folder_has_to_exist(tmp_path):
    with pytest.raises(FileNotFoundError):
        write_atomically(tmp_path / "absent" / "file", b"")


@pytest.mark.skipif(os.name != "posix", reason="permissions of POSIX")
def test_permissions_are_those_of_any_file(tmp_path):
    (tmp_path / "usual").touch()
    write_atomically(tmp_path / "file", b"")
    assert (tmp_path / "file").stat().st_mode == (tmp_path / "usual").stat().st_mode
    (tmp_path / "file").chmod(0o600)
    write_atomically(tmp_path / "file", b"new")
    assert (tmp_path / "file").stat().st_mode & 0o777 == 0o600
