"""Which processes load for this daemon, kept in a file, so that the next daemon can end what this one leaves."""

import json
import os
import signal
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Any


class Orphans:
    """*file* holds pid and start time (`born`) of each process; a pid alone may be somebody else's by now."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def record(self, pids: Iterable[int]) -> None:
        """Put *pids* on record, before they begin to load. Raises OSError."""
        self._write([*self._read(), *({"pid": pid, "born": started_at(pid)} for pid in pids)])

    def forget(self) -> None:
        """Nothing is on record any more."""
        self._file.unlink(missing_ok=True)

    def kill(self) -> list[int]:
        """Kill all on record that still are who they were, and what a dead one had started. Returns their pids."""
        killed = []
        for known in self._read():
            pid, begun = known.get("pid"), known.get("born")
            if not isinstance(pid, int) or pid <= 1 or not isinstance(begun, str):
                continue
            for one in _left_of(pid, begun):
                _kill(one)
                killed.append(one)
        self.forget()
        return killed

    def _read(self) -> list[dict[str, Any]]:
        try:
            found = json.loads(self._file.read_text())
        except (OSError, ValueError):
            return []
        return [item for item in found if isinstance(item, dict)] if isinstance(found, list) else []

    def _write(self, known: list[dict[str, Any]]) -> None:
        self._file.parent.mkdir(parents=True, exist_ok=True)
        beside = self._file.with_suffix(".new")
        beside.write_text(json.dumps(known))
        beside.replace(self._file)


def _left_of(pid: int, begun: str) -> list[int]:
    now = started_at(pid)
    if now == begun:
        return [pid]
    return _session(pid) if now is None and begun.startswith(_pid_namespace()) else []


def started_at(pid: int) -> str | None:
    """When the process *pid* began, as an opaque text; None where there is none (or only its corpse)."""
    if not Path("/proc/self/stat").exists():
        return _started_by_ps(pid)
    stat = _stat(pid)
    return f"{_pid_namespace()} {stat[19]}" if stat else None


def _pid_namespace() -> str:
    """What gives out the pids: this boot of this machine, or of this container on it."""
    with suppress(OSError):
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{boot} {Path('/proc/self/ns/pid').readlink()}"
    return ""


def _stat(pid: int) -> list[str] | None:
    """State, parent, group, session and so on of *pid*; None: there is none, or only its corpse."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in {"Z", "X"} else fields


def _session(leader: int) -> list[int]:
    """Who lives on in the session that the dead *leader* had begun: its number is given to nobody else until then."""
    pids = [int(entry.name) for entry in Path("/proc").glob("[0-9]*")]
    return [pid for pid in pids if (stat := _stat(pid)) and stat[3] == str(leader)]


def _started_by_ps(pid: int) -> str | None:
    with suppress(OSError, subprocess.SubprocessError):
        asked = ["/bin/ps", "-o", "lstart=", "-p", str(pid)]
        return subprocess.run(asked, capture_output=True, text=True, timeout=5, check=True).stdout.strip() or None  # noqa: S603 - a pid of our own
    return None


def _kill(pid: int) -> None:
    with suppress(ProcessLookupError, PermissionError):
        group = os.getpgid(pid)
        if group == os.getpgrp():
            os.kill(pid, signal.SIGKILL)
        else:
            os.killpg(group, signal.SIGKILL)
