"""Named tokens: one for each person or program, made and revoked by name. Only what recognises them is kept.

They stand in a file of their own beside the daemon's, so that the command line changes them while it runs.
"""

import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from dogdriver.errors import Conflict, Invalid, NotFound, SettingsError
from dogdriver.model import Clock
from dogdriver.settings import Secret

FILE, LOCK = "tokens.json", "tokens.lock"
OWNER = "owner"
"""Who has the daemon's own token."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,50}")


class NamedToken(msgspec.Struct, frozen=True):
    """*digest* is the SHA-256 of the token, in hex. With *read_only* it changes nothing."""

    name: str
    digest: str
    read_only: bool
    created: datetime
    revoked: datetime | None = None


class _Kept(msgspec.Struct):
    """*ended* are sessions that were signed out, and until when they would have been good."""

    tokens: list[NamedToken] = []
    ended: dict[str, datetime] = {}


class Keyring:
    """The named tokens in the data directory *data*; None: they are kept for the life of the process."""

    def __init__(self, data: Path | None, clock: Clock) -> None:
        self._data, self._clock = data, clock
        self._kept, self._mark = _Kept(), (0, 0)

    def create(self, name: str, *, read_only: bool) -> Secret:
        """The new token, which nobody can show again. Raises Invalid for a name that cannot be one, Conflict."""
        if not _NAME.fullmatch(name) or name == OWNER:
            raise Invalid(f"a token's name is 1 to 50 letters, digits, - and _, and not {OWNER}; choose another")
        token = Secret(secrets.token_urlsafe(32))
        with self._changed() as kept:
            if any(one.name == name and not one.revoked for one in kept.tokens):
                raise Conflict(f"there is a token {name} already; revoke it, or choose another name")
            kept.tokens.append(NamedToken(name, digest(token.reveal()), read_only, self._clock()))
        return token

    def revoke(self, name: str) -> None:
        """From now on it is no token, and its sessions are none. Raises NotFound."""
        with self._changed() as kept:
            if not any(one.name == name and not one.revoked for one in kept.tokens):
                raise NotFound(f"there is no token {name}; `dogdriver token list` shows those there are")
            now = self._clock()
            kept.tokens = [
                replace(one, revoked=now) if one.name == name and not one.revoked else one for one in kept.tokens
            ]

    def all(self) -> Sequence[NamedToken]:
        """Revoked ones, too, in the order in which they were made."""
        return self._current().tokens

    def find(self, token: str) -> NamedToken | None:
        """The one that is good and is this *token*."""
        known = digest(token)
        return next((one for one in self._current().tokens if one.digest == known and not one.revoked), None)

    def named(self, name: str, mark: str) -> NamedToken | None:
        """The good one of that *name* whose digest begins with *mark*."""
        tokens = self._current().tokens
        return next(
            (one for one in tokens if one.name == name and one.digest.startswith(mark) and not one.revoked), None
        )

    def end_session(self, session: str, until: datetime) -> None:
        """A session is signed out; it would have been good *until* then."""
        with self._changed() as kept:
            now = self._clock()
            kept.ended = {one: at for one, at in kept.ended.items() if at > now} | {session: until}

    def has_ended(self, session: str) -> bool:
        return session in self._current().ended

    def _current(self) -> _Kept:
        if self._data is None:
            return self._kept
        try:
            status = (self._data / FILE).stat()
        except OSError:
            return _Kept()
        if (mark := (status.st_mtime_ns, status.st_ino)) != self._mark:
            self._kept, self._mark = self._read(), mark
        return self._kept

    def _read(self) -> _Kept:
        assert self._data is not None  # noqa: S101 - asked before
        file = self._data / FILE
        try:
            return msgspec.json.decode(file.read_bytes(), type=_Kept)
        except FileNotFoundError:
            return _Kept()
        except (OSError, msgspec.DecodeError) as error:
            raise SettingsError(f"{file} cannot be read ({error}); fix it or remove it") from None

    @contextmanager
    def _changed(self) -> Iterator[_Kept]:
        """What is kept, one change after the other, on the disk when this ends without an error."""
        if self._data is None:
            yield self._kept
            return
        lock = os.open(self._data / LOCK, os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            kept = self._read()
            yield kept
            fresh = self._data / f".{FILE}.new"
            fresh.unlink(missing_ok=True)
            with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
                out.write(msgspec.json.encode(kept))
                out.flush()
                os.fsync(out.fileno())
            with suppress(OSError):  # made by root beside a daemon that is not
                owner = self._data.stat()
                os.chown(fresh, owner.st_uid, owner.st_gid)
                os.chown(self._data / LOCK, owner.st_uid, owner.st_gid)
            fresh.replace(self._data / FILE)
        finally:
            os.close(lock)


def digest(token: str) -> str:
    """What is kept of a token: it is random and long, so that a plain hash will do."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).hexdigest()
