"""What the words of a command line ask for."""

import argparse
from typing import Any

import pytest

from dogdriver.cli.arguments import Order, arguments, order
from dogdriver.errors import SettingsError
from dogdriver.settings import load


def asked(*words: str, **environ: str) -> Order:
    parser = argparse.ArgumentParser()
    arguments(parser)
    return order(parser.parse_args(words), load(environ))


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
