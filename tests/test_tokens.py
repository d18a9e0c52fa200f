"""Named tokens: made and revoked beside the daemon, recognised by it, shown once."""

import stat
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from dogdriver.errors import Conflict, Invalid, NotFound, SettingsError
from dogdriver.tokens import FILE, Keyring

NOW = datetime(2026, 5, 4, tzinfo=UTC)


def keyring(data: Path | None) -> Keyring:
    return Keyring(data, lambda: NOW)


@pytest.mark.parametrize("kept", [True, False])
def test_a_token_is_found_by_who_looks_beside_who_made_it(tmp_path: Path, kept: bool) -> None:
    daemon = keyring(tmp_path if kept else None)
    operator = keyring(tmp_path) if kept else daemon
    assert daemon.find("x" * 43) is None
    token = operator.create("grafana", read_only=True).reveal()
    assert len(token) >= 32
    found = daemon.find(token)
    assert found is not None
    assert (found.name, found.read_only, found.created, found.revoked) == ("grafana", True, NOW, None)
    operator.revoke("grafana")
    assert daemon.find(token) is None
    assert [(one.name, one.revoked) for one in daemon.all()] == [("grafana", NOW)]
    again = operator.create("grafana", read_only=False).reveal()
    assert daemon.find(again) is not None
    assert daemon.find(token) is None


def test_the_file_is_the_owners_and_holds_no_token(tmp_path: Path) -> None:
    token = keyring(tmp_path).create("ci", read_only=False).reveal()
    assert stat.S_IMODE((tmp_path / FILE).stat().st_mode) == 0o600
    assert token not in (tmp_path / FILE).read_text()


@pytest.mark.parametrize("name", ["", "owner", "two words", "x" * 51, "ü", "a:b", "../x"])
def test_a_name_that_cannot_be_one_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Invalid, match="choose another"):
        keyring(tmp_path).create(name, read_only=False)
    assert not keyring(tmp_path).all()


def test_names_are_there_once(tmp_path: Path) -> None:
    keyring(tmp_path).create("ci", read_only=False)
    with pytest.raises(Conflict, match="revoke it"):
        keyring(tmp_path).create("ci", read_only=True)
    with pytest.raises(NotFound, match="no token cd"):
        keyring(tmp_path).revoke("cd")


def test_a_file_that_is_damaged_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / FILE).write_text("{")
    with pytest.raises(SettingsError, match="fix it or remove it"):
        keyring(tmp_path).all()


def test_sessions_that_have_ended_are_kept_as_long_as_they_would_have_lasted(tmp_path: Path) -> None:
    clock = [NOW]
    ring = Keyring(tmp_path, lambda: clock[0])
    ring.end_session("one", NOW + timedelta(days=7))
    assert keyring(tmp_path).has_ended("one")
    clock[0] += timedelta(days=8)
    ring.end_session("two", clock[0] + timedelta(days=7))
    assert not ring.has_ended("one"), "its signature is too old by itself"
    assert ring.has_ended("two")
