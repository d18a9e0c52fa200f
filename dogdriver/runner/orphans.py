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
    """*file* holds pid and time of birth of each process; a pid alone may be somebody else's by now."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def record(self, pids: Iterable[int]) -> None:
        """Put *pids* on record, before they begin to load."""
        self._write([*self._read(), *({"pid": pid, "born": born(pid)} for pid in pids)])

    def forget(self) -> None:
        self._file.unlink(missing_ok=True)

    def end(self) -> list[int]:
        """Kill all on record that still are who they were. Returns their pids."""
        ended = []
        for known in self._read():
            pid = known.get("pid")
            if isinstance(pid, int) and pid > 1 and known.get("born") and known["born"] == born(pid):
                _kill(pid)
                ended.append(pid)
        self.forget()
        return ended

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


def born(pid: int) -> str | None:
    """When the process *pid* began, as an opaque text; None where there is none (or only its corpse)."""
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except FileNotFoundError:
        return None if Path("/proc/self/stat").exists() else _born_by_ps(pid)
    except OSError:
        return None
    state, *rest = stat.rpartition(")")[2].split()
    return None if state in {"Z", "X"} else f"{boot} {rest[18]}"


def _born_by_ps(pid: int) -> str | None:
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
