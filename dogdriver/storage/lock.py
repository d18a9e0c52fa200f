"""One daemon for one data directory."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from dogdriver.errors import StoreError

NAME = "dogdriver.lock"


@contextmanager
def locked(data: Path) -> Iterator[None]:
    """Hold the data directory (made where it is missing). The kernel lets go of it when the process ends, however.

    Raises StoreError where another process holds it, or where the directory cannot be written.
    """
    try:
        data.mkdir(parents=True, exist_ok=True)
        file = os.open(data / NAME, os.O_RDWR | os.O_CREAT, 0o644)
    except OSError as error:
        raise StoreError(
            f"The data directory {data} cannot be used ({error.strerror}): make it a directory that this user can "
            "write, or set DOGDRIVER_DATA to another."
        ) from error
    try:
        _take(file, data)
        os.ftruncate(file, 0)
        os.write(file, f"{os.getpid()}\n".encode())
        yield
    finally:
        os.close(file)


def _take(file: int, data: Path) -> None:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(file, 32, 0).decode(errors="replace").strip()
        who = f"process {holder}" if holder else "another process"
        raise StoreError(
            f"The data directory {data} is in use by another dogDriver ({who}): stop that one, or set DOGDRIVER_DATA "
            "to another directory."
        ) from None
    except OSError as error:
        raise StoreError(
            f"The data directory {data} cannot be locked ({error.strerror}): set DOGDRIVER_DATA to a local disk."
        ) from error
