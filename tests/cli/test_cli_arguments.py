"""What the words of the command line ask for, and what does it."""

import argparse
import re
from pathlib import Path
from typing import Any

import pytest

from dogdriver.cli.arguments import Request, make_parser, read_request
from dogdriver.cli.commands import COMMANDS
from dogdriver.errors import SettingsError
from dogdriver.settings import load


def names() -> set[str]:
    """Of the commands that the parser knows."""
    (commands,) = (one for one in make_parser()._actions if isinstance(one, argparse._SubParsersAction))
    return set(commands.choices)


def asked(*words: str, **environ: str) -> Request:

    return read_request(make_parser().parse_args(["run", *words]), load(environ))


CI = {"DOGDRIVER_SOURCE": "ci"}


@pytest.mark.parametrize(
    ("words", "environ", "wanted"),
    [
        (("thing",), {}, {"project": "thing", "to": None, "ask": None, "bucket": None}),
        (("--all",), {}, {"project": None}),
        (("thing", "--to", "http://host:8080/"), CI, {"to": "http://host:8080", "ask": "http://host:8080"}),
        (("thing", "--to", "https://host/dog/"), CI, {"to": "https://host/dog", "bucket": None}),
        (("thing", "--to", "http://a", "--ask", "http://b"), CI, {"to": "http://a", "ask": "http://b"}),
        (("thing", "--to", "s3://runs/"), CI, {"to": "s3://runs", "bucket": "runs", "ask": None}),
        (("thing",), {**CI, "DOGDRIVER_BUCKET": "runs"}, {"to": "s3://runs", "bucket": "runs"}),
        (("thing", "--to", "http://a"), {**CI, "DOGDRIVER_BUCKET": "runs"}, {"to": "http://a", "bucket": None}),
        (("thing", "--wait", "--timeout", "60"), {}, {"wait": True, "timeout": 60.0, "undecided": 2}),
        (("thing", "--wait", "--baseline", "1.0"), {}, {"wait": True, "baseline": "1.0"}),
        (("thing", "--wait"), {}, {"baseline": None}),
        (("thing", "--undecided", "0"), {}, {"undecided": 0}),
        (("thing", "--undecided-ok"), {}, {"undecided": 0}),
    ],
)
def test_what_is_asked_for(words: tuple[str, ...], environ: dict[str, str], wanted: dict[str, Any]) -> None:
    found = asked(*words, **environ)
    assert {name: getattr(found, name) for name in wanted} == wanted


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--to", "ftp://somewhere"), "--to is 'ftp://somewhere'; give a daemon's address"),
        (("--to", "http://user:word@somewhere"), "without a password"),
        (("--to", "http://somewhere?a=b"), "give a daemon's address"),
        (("--to", "s3://"), "give the bucket alone"),
        (("--to", "s3://bucket/folder"), "give the bucket alone"),
        (("--to", "s3://a bucket"), "give the bucket alone"),
        (("--to", "s3://.."), "give the bucket alone"),
        (("--to", "s3://bück"), "give the bucket alone"),
        (("--to", "s3://bucket", "--wait"), "name a daemon on it with --ask"),
        (("--ask", "nowhere", "--wait"), "--ask is 'nowhere'"),
        (("--to", "http://host", "--baseline", "1.0"), "add --wait, or leave out --baseline"),
    ],
)
def test_what_does_not_go_together(words: tuple[str, ...], said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        asked("thing", *words, **CI)


def test_a_delivery_needs_a_source_of_its_own() -> None:
    with pytest.raises(SettingsError, match="give --source"):
        asked("thing", "--to", "http://host")


@pytest.mark.parametrize(
    "words", [(), ("thing", "--all"), ("thing", "--timeout", "-1"), ("thing", "--undecided", "256")]
)
def test_what_is_no_command(words: tuple[str, ...]) -> None:
    with pytest.raises(SystemExit):
        asked(*words)


def test_every_command_of_the_parser_is_in_the_table_and_serve_is_what_no_word_means() -> None:
    assert names() == COMMANDS.keys()
    assert {name: make_parser().get_default(name) for name in ("command", "wrong")} == {"command": "serve", "wrong": 2}
    assert make_parser().parse_args(["run", "thing"]).command == "run"


@pytest.mark.parametrize(("words", "code"), [(("check", "--no"), 2), (("run", "thing", "--no"), 4), (("no",), 2)])
def test_wrong_words_have_the_exit_code_of_their_command(words: tuple[str, ...], code: int) -> None:
    with pytest.raises(SystemExit) as left:
        make_parser().parse_args(words)
    assert left.value.code == code


def test_a_command_takes_the_secrets_out_of_the_environment(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    environ = {"DOGDRIVER_DATA": str(tmp_path), "DOGDRIVER_TOKEN": "the-token-of-the-tests", "PATH": "/bin"}
    assert COMMANDS["token"](make_parser().parse_args(["token"]), environ) == 0
    assert capsys.readouterr().out == "the-token-of-the-tests\n"
    assert environ == {"DOGDRIVER_DATA": str(tmp_path), "PATH": "/bin"}


def test_named_tokens_are_made_listed_and_revoked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    def said(*words: str) -> str:
        environ = {"DOGDRIVER_DATA": str(tmp_path)}
        assert COMMANDS["token"](make_parser().parse_args(["token", *words]), environ) == 0
        return capsys.readouterr().out

    token = said("create", "--read-only", "grafana").strip()
    assert len(token) >= 32
    said("create", "ci")
    assert said("revoke", "ci") == "ci is revoked\n"
    grafana, ci = said("list").splitlines()
    assert re.fullmatch(r"grafana, read-only, made [-0-9]{10} [:0-9]{5}", grafana)
    assert re.fullmatch(r"ci, made [-0-9]{10} [:0-9]{5}, revoked [-0-9]{10} [:0-9]{5}", ci)
    assert token not in said("list")
    assert said() != ""
