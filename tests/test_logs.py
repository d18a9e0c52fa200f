"""No secret gets into the log, in either form, whether in a message, an argument or a traceback."""

import json
import logging
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dogdriver import logs
from dogdriver.model.text import shortened
from dogdriver.settings import Secret, load


@pytest.fixture(autouse=True)
def _restored_logging() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:], root.level = handlers, level


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_secret_is_masked_wherever_it_stands(form: str, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure(form, logs.Masker([Secret("s3cr3t-key"), None]))
    log = logging.getLogger("dogdriver.test")
    log.info("asked with %s", "s3cr3t-key")
    try:
        raise ValueError("s3cr3t-key is no good")
    except ValueError:
        log.exception("it failed")
    shown = capsys.readouterr().out
    assert "s3cr3t-key" not in shown
    assert shown.count("***") == 3 if form == "text" else shown.count("***") >= 2


def test_json_lines_are_mozlog(capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("json", logs.Masker())
    logging.getLogger("dogdriver.test").warning("disk %d %% full", 90)
    line = json.loads(capsys.readouterr().out)
    assert (line["Logger"], line["Type"], line["Severity"]) == ("dogdriver", "dogdriver.test", 4)
    assert line["Fields"] == {"msg": "disk 90 % full"}


def test_a_short_secret_does_not_blot_out_words() -> None:
    assert logs.Masker([Secret("run")])("the run ended") == "the run ended"


SECRET = 'tok/en+With-24&"signs"...'


@given(st.integers(0, 60), st.integers(1, 80))
def test_no_piece_of_a_secret_is_left_where_a_text_was_cut(before: int, most: int) -> None:
    text = shortened("." * before + SECRET + " and more" * 9, most)
    shown = logs.Masker([Secret(SECRET)])(text)
    assert not any(SECRET[:length] in shown for length in range(3, len(SECRET) + 1))


@pytest.mark.parametrize(
    "written",
    [
        'tok/en+With-24&"signs"...', "tok%2Fen%2BWith-24%26%22signs%22...", "tok/en%2BWith-24%26%22signs%22...",
        'tok/en+With-24&\\"signs\\"...',
    ],
)  # fmt: skip
def test_a_secret_is_found_as_addresses_and_json_write_it(written: str) -> None:
    assert logs.Masker([Secret(SECRET)])(f"at {written} it ends") == "at *** it ends"


def test_a_secret_of_several_lines_is_found_line_by_line_and_on_one_line() -> None:
    mask = logs.Masker([Secret("first line\n  second  line\n")])
    assert mask("first line second line") == "***"
    assert mask("it printed:   second  line") == "it printed:   ***"


def test_a_secret_that_holds_another_one_is_masked_whole() -> None:
    assert logs.Masker([Secret("abcdef"), Secret("abcdefgh")])("abcdefgh") == "***"


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("at https://me:pa%20ss@host/x?y", "at https://***@host/x?y"),
        ("at https://ghp_token@host/x", "at https://***@host/x"),
        ("at redis://:pass@host:1/0", "at redis://***@host:1/0"),
        ("at https://me:pa@ss@host/x", "at https://***@host/x"),
        ("at https://me:passw…", "at https://***…"),
        ("at https://host:8080/a@b", "at https://host:8080/a@b"),
        ("at https://host:80…", "at https://host:80…"),
        ("at ssh://git@host/x", "at ssh://git@host/x"),
    ],
)
def test_user_and_password_are_masked_in_any_address(text: str, shown: str) -> None:
    assert logs.Masker()(text) == shown


def test_what_says_itself_that_it_is_a_secret_is_one() -> None:
    mask = logs.Masker()
    mask.add_telling({"SHOP_PASSWORD": "hunter22", "apikey": "k-123456", "WHERE": "somewhere", "AUTH_AT": "http://x:1"},
                     but=["http://x:1"])  # fmt: skip
    assert mask("hunter22 k-123456 somewhere http://x:1") == "*** *** somewhere http://x:1"


def test_what_the_environment_holds_for_others_is_masked_too() -> None:
    environ = {"AWS_SECRET_ACCESS_KEY": "aws-secret", "UV_INDEX_OURS_PASSWORD": "uv-secret", "UV_LINK_MODE": "hardlink"}
    mask = logs.Masker.of(load({"DD_API_KEY": "dd-secret"}), environ, Secret("own-secret"))
    assert mask("aws-secret uv-secret hardlink dd-secret own-secret") == "*** *** hardlink *** ***"
