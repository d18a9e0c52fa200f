"""`dogdriver notify --test`: what each receiver says, and the exit code."""

import asyncio
import base64
from pathlib import Path

import pytest

from dogdriver.cli.arguments import make_parser
from dogdriver.cli.commands import COMMANDS
from dogdriver.errors import NotFound, SettingsError
from tests.notify.receivers import receiver

FILE = """\
[[project]]
name = "shop"
[project.deployments]
stage = "http://127.0.0.1:1"
[[project.notify]]
kind = "webhook"
url_from = "HOOK"
secret_from = "HOOK_SECRET"
[[project.notify]]
kind = "slack"
url = "{url}/slack"
[[project]]
name = "alone"
"""


async def _notify(tmp_path: Path, project: str, answers: list[int]) -> tuple[int, list[str]]:
    async with receiver() as there:
        there.answers = list(answers)
        (tmp_path / "projects.toml").write_text(FILE.format(url=there.url))
        environ = {
            "DOGDRIVER_PROJECTS": str(tmp_path / "projects.toml"), "DOGDRIVER_DATA": str(tmp_path),
            "HOOK": f"{there.url}/hook/very-secret",
            "HOOK_SECRET": "whsec_" + base64.b64encode(b"k" * 32).decode(),
        }  # fmt: skip
        arguments = make_parser().parse_args(["notify", "--test", project])
        code = await asyncio.to_thread(COMMANDS["notify"], arguments, environ)
        return code, [got.path for got in there.got]


async def test_each_receiver_gets_a_test(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code, paths = await _notify(tmp_path, "shop", [])
    assert (code, paths) == (0, ["/hook/very-secret", "/slack"])
    assert capsys.readouterr().out == "ok    webhook: 200\nok    slack: 200\n"


async def test_a_receiver_that_fails_is_named_with_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, _ = await _notify(tmp_path, "shop", [200, 404])
    out = capsys.readouterr().out
    assert code == 1
    assert "ok    webhook: 200" in out
    assert "FAIL  slack: 127.0.0.1:" in out
    assert "answered 404" in out
    assert "very-secret" not in out


@pytest.mark.parametrize(
    ("project", "error", "said"),
    [("nobody", NotFound, "there is no project nobody"), ("alone", SettingsError, "nobody is told of alone")],
)
async def test_a_project_that_tells_nobody_is_said(
    tmp_path: Path, project: str, error: type[Exception], said: str
) -> None:
    with pytest.raises(error, match=said):
        await _notify(tmp_path, project, [])
