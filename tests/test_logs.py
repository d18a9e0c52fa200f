"""No secret gets into the log, in either form, whether in a message, an argument or a traceback."""

import json
import logging
from collections.abc import Iterator

import pytest

from dogdriver import logs
from dogdriver.settings import Secret


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
