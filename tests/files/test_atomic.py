import errno
import os
import subprocess
import sys

import pytest

from sklearn_mtl.files import _atomic
from sklearn_mtl.files._atomic import remove_left_over, replaced_file, write_atomically


def test_content_is_written_and_replaced(tmp_path):
    path = tmp_path / "file"
    write_atomically(path, b"old")
    write_atomically(str(path), b"new, and longer")
    assert path.read_bytes() == b"new, and longer"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(os.name != "posix", reason="links need rights elsewhere")
@pytest.mark.parametrize("there", [True, False])
def test_link_stays_a_link(tmp_path, there):
    (tmp_path / "models").mkdir()
    target, link = tmp_path / "models" / "first", tmp_path / "current"
    if there:
        target.write_bytes(b"old")
    link.symlink_to(target)
    write_atomically(link, b"new")
    assert link.readlink() == target
    assert target.read_bytes() == b"new"
    assert os.listdir(tmp_path / "models") == ["first"]


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_failure_leaves_the_old_file_alone(tmp_path, monkeypatch, step):
    path = tmp_path / "file"
    path.write_bytes(b"old")

    def full(*args):
        raise OSError("No space left on device")

    monkeypatch.setattr(_atomic.os, step, full)
    with pytest.raises(OSError, match="No space left"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EACCES])
def test_error_names_the_file_and_keeps_its_class(tmp_path, monkeypatch, number):
    def full(*args):
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(_atomic.os, "fsync", full)
    (tmp_path / "file").write_bytes(b"old")
    with pytest.raises(OSError, match="file could not be written; the old file is intact") as caught:
        write_atomically(tmp_path / "file", b"new")
    assert os.strerror(number) in str(caught.value)
    assert type(caught.value) is type(OSError(number, ""))
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / "file"))


@pytest.mark.skipif(os.name != "posix", reason="limits of POSIX")
def test_file_that_the_disk_cannot_hold(tmp_path):
    # the first kilobytes are written, then the system refuses, as on a full disk
    code = """if True:
        import resource, signal, sys
        from sklearn_mtl.files._atomic import write_atomically
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000))
        write_atomically(sys.argv[1], bytes(10_000_000))
    """
    path = tmp_path / "file"
    path.write_bytes(b"old")
    done = subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=False)
    assert "file could not be written; the old file is intact" in done.stderr
    assert path.read_bytes() == b"old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["file"]


def test_left_over_temporaries_are_removed_once_they_are_old(tmp_path):
    names = [".file.1.tmp", ".file.2.tmp", ".other.1.tmp", "file", ".file.tmp"]
    for name in names:
        (tmp_path / name).touch()
        if name != ".file.2.tmp":
            os.utime(tmp_path / name, (0, 0))
    remove_left_over(tmp_path / "file")
    assert {entry.name for entry in tmp_path.iterdir()} == set(names) - {".file.1.tmp"}


def test_file_is_written_in_pieces(tmp_path):
    with replaced_file(tmp_path / "file") as file:
        file.write(b"old")
        file.seek(0)
        file.write(b"n")
    assert (tmp_path / "file").read_bytes() == b"nld"


def interrupted(path):
    with replaced_file(path) as file:
        file.write(b"a part of it")
        raise KeyboardInterrupt


def test_interruption_leaves_the_old_file_alone(tmp_path):
    write_atomically(tmp_path / "file", b"old")
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path / "file")
    assert [(entry.name, entry.read_bytes()) for entry in tmp_path.iterdir()] == [("file", b"old")]


def test_content_is_on_the_disk_before_it_has_the_name(tmp_path, monkeypatch):
    order = []
    for step in ("fsync", "replace"):
        function = getattr(os, step)
        monkeypatch.setattr(_atomic.os, step, lambda *args, f=function, s=step: (order.append(s), f(*args)))
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


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="there are no named pipes")
def test_what_is_no_file_is_not_replaced(tmp_path):
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with pytest.raises(OSError, match="pipe is a device or a pipe"):
        write_atomically(pipe, b"content")
    assert pipe.is_fifo()
    assert [entry.name for entry in tmp_path.iterdir()] == ["pipe"]
