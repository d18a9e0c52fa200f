"""Who the daemon is: chosen once, kept, and the token readable by its owner alone."""

import stat
from pathlib import Path

import pytest

from dogdriver import identity
from dogdriver.errors import SettingsError
from dogdriver.settings import Settings, load


def settings(tmp_path: Path, **more: str) -> Settings:
    return load({"DOGDRIVER_DATA": str(tmp_path), **more})


def test_the_source_is_the_host_at_first_start_and_kept(tmp_path: Path) -> None:
    assert identity.source(settings(tmp_path), "berlin") == "berlin"
    assert identity.source(settings(tmp_path), "paris") == "berlin"


def test_a_source_that_is_set_wins_and_is_kept(tmp_path: Path) -> None:
    identity.source(settings(tmp_path), "berlin")
    assert identity.source(settings(tmp_path, DOGDRIVER_SOURCE="rome"), "berlin") == "rome"
    assert identity.source(settings(tmp_path), "berlin") == "rome"


def test_the_token_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    first, file = identity.token(settings(tmp_path))
    again, _ = identity.token(settings(tmp_path))
    assert first.reveal() == again.reveal()
    assert len(first) >= 32
    assert file is not None
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_the_token_from_the_settings_is_not_written(tmp_path: Path) -> None:
    token, file = identity.token(settings(tmp_path, DOGDRIVER_TOKEN="given-by-the-operator"))
    assert token.reveal() == "given-by-the-operator"
    assert file is None
    assert not list(tmp_path.iterdir())


def test_a_data_directory_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match=r"the data directory .* cannot be written .* set DOGDRIVER_DATA"):
        identity.prepare_directory(tmp_path / "file" / "data")
    identity.prepare_directory(tmp_path / "deep" / "data")
    assert not list((tmp_path / "deep" / "data").iterdir())


def test_an_unreadable_token_is_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "token").write_bytes(b"\xff\xff")
    with pytest.raises(SettingsError, match="token cannot be read"):
        identity.token(settings(tmp_path))


def test_what_an_older_version_left_for_everybody_to_read_is_closed(tmp_path: Path) -> None:
    for file in (tmp_path / "dogdriver.db", tmp_path / "client" / "dogdriver.db"):
        file.parent.mkdir(exist_ok=True)
        file.write_text("")
        file.chmod(0o644)
    identity.prepare_directory(tmp_path)
    identity.source(settings(tmp_path), "berlin")
    modes = {file.name: stat.S_IMODE(file.stat().st_mode) for file in tmp_path.rglob("*") if file.is_file()}
    assert set(modes.values()) == {0o600}
