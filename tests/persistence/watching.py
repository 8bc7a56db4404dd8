"""Monitoring of the loading of a file: code that is run, errors, and memory."""

import ctypes
import gc
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

# Audit events of Python for compiling and running code, and starting processes and connections.
EVENTS = {
    "exec", "compile", "import", "marshal.loads", "code.__new__", "pickle.find_class", "os.system", "os.exec",
    "os.posix_spawn", "os.spawn", "os.fork", "subprocess.Popen", "socket.connect", "ctypes.dlopen",
}  # fmt: skip
_seen: list[str] | None = None
_is_hooked = False


def _hook(event: str, args: Any) -> None:
    if _seen is not None and event in EVENTS:
        _seen.append(f"{event} {args!r:.200}")


@contextmanager
def watched():
    """Yield a list of the audit events within the context."""
    global _seen, _is_hooked
    if not _is_hooked:  # a hook cannot be taken away
        sys.addaudithook(_hook)
        _is_hooked = True
    _seen = []
    try:
        yield _seen
    finally:
        _seen = None


def resident_peak(function: Callable[[], Any]) -> int | None:
    """Return the maximum growth of the process in bytes while a function runs; None if unknown."""
    try:
        gc.collect()
        ctypes.CDLL("libc.so.6").malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")  # the peak so far is forgotten
        before = _resident("VmRSS")
        function()
        return _resident("VmHWM") - before
    except OSError:
        return None


def _resident(name: str) -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return 1024 * next(int(line.split()[1]) for line in lines if line.startswith(name))
