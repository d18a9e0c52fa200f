"""Who this daemon is: its source and its token, chosen once and kept in the data directory."""

import os
import secrets
from pathlib import Path

from dogdriver.errors import SettingsError
from dogdriver.settings import SHORTEST_TOKEN, Secret, Settings

SOURCE_FILE, TOKEN_FILE = "source", "token"
OTHERS = 0o077
"""The bits of a file's mode that let in somebody else than its owner."""


def source(settings: Settings, host_name: str) -> str:
    """The source of this daemon's runs: DOGDRIVER_SOURCE, else what was kept, else *host_name*, kept from now on.

    A source that differs from the kept one is taken and kept: the operator said so.
    """
    file = settings.data / SOURCE_FILE
    kept = _read(file)
    chosen = settings.source or kept or host_name
    if chosen != kept:
        _write(file, chosen, mode=0o600)
    return chosen


def token(settings: Settings) -> tuple[Secret, Path | None]:
    """The token that writes need, and the file that it was kept in (None where it came from the settings)."""
    if settings.token:
        return settings.token, None
    file = settings.data / TOKEN_FILE
    kept = _read(file)
    if not kept:
        kept = secrets.token_urlsafe(32)
        _write(file, kept, mode=0o600)
    if len(kept) < SHORTEST_TOKEN:
        raise SettingsError(
            f"the token in {file} has less than {SHORTEST_TOKEN} characters; remove the file, and a new one is made"
        )
    return Secret(kept), file


def has_token(data: Path) -> bool:
    """Whether a daemon that keeps its things in *data* has been given its token there."""
    return (data / TOKEN_FILE).exists()


def prepare_directory(data: Path) -> None:
    """Make the data directory, or say in one sentence why that cannot be."""
    try:
        data.mkdir(mode=0o700, parents=True, exist_ok=True)
        probe = data / f".writable-{os.getpid()}"
        probe.touch()
        probe.unlink()
        keep_to_ourselves(data)
    except OSError as error:
        raise SettingsError(
            f"the data directory {data} cannot be written ({error.strerror}); set DOGDRIVER_DATA to one that can, "
            "or fix its owner"
        ) from None


def keep_to_ourselves(data: Path) -> None:
    """Nobody but the daemon's user may read what stands in the data directory, also what older versions left there.

    Raises OSError.
    """
    for folder in (data, data / "client"):
        for file in folder.glob("*"):
            if file.is_file() and not file.is_symlink() and file.stat().st_mode & OTHERS:
                file.chmod(file.stat().st_mode & ~OTHERS)


def _read(file: Path) -> str | None:
    try:
        return file.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"{file} cannot be read ({error}); fix it or remove it") from None


def _write(file: Path, text: str, *, mode: int) -> None:
    fresh = file.with_name(f".{file.name}.new")
    fresh.unlink(missing_ok=True)
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        out.write(text + "\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
