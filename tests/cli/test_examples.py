"""What a newcomer copies: examples/ and the commands of the README are read, and run where no Docker is needed."""

import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # moto's
from aiohttp import web
from aiohttp.test_utils import TestServer

from dogdriver.catalog.join import Defaults, join
from dogdriver.catalog.projects_file import read
from dogdriver.catalog.servicebook import ServiceBookProject
from dogdriver.cli.arguments import make_parser
from dogdriver.model import Project, Status
from dogdriver.settings import load
from tests.cli.conftest import Cli

ROOT = Path(__file__).parent.parent.parent
EXAMPLES = ROOT / "examples"
PAPERS = {name: (ROOT / name).read_text(encoding="utf-8") for name in ("README.md", "docs/operations.md")}
SHOP = "https://shop.stage.example.org"
BOOK = ServiceBookProject(
    1, "shop", deployments=(("stage", SHOP),), tests=(("dogdriver", "https://github.com/your-organisation/shop"),)
)


def project(name: str) -> Project:
    file = read(EXAMPLES / name, margin=0.03)
    found, problems = join(file, [BOOK] if name == "servicebook.toml" else [], Defaults())
    assert not problems
    return found["shop"]


def commands(text: str) -> list[list[str]]:
    """The lines of the indented code blocks, with what is continued and what stands in $(…) on lines of their own."""
    code = "\n".join(re.findall(r"^    (\S.*(?:(?<=\\)\n.*)*)$", text, re.MULTILINE)).replace("\\\n", " ")
    inner = re.findall(r"\$\(([^)]*)\)", code)
    return [shlex.split(line, comments=True) for line in [*code.splitlines(), *inner]]


def test_every_example_is_listed() -> None:
    listed = set(re.findall(r"\]\(([\w./-]+)\)", (EXAMPLES / "README.md").read_text(encoding="utf-8")))
    assert {path.name for path in EXAMPLES.iterdir() if path.is_file()} - {"README.md"} <= listed


@pytest.mark.parametrize("name", sorted(path.name for path in EXAMPLES.glob("*.toml")))
def test_every_projects_file_has_one_service_that_may_run(name: str) -> None:
    found = project(name)
    assert found.test
    assert found.allowed
    assert [place.endpoint for place in found.deployments] == [SHOP]


def test_two_places_are_two_sources_on_one_bucket() -> None:
    places = []
    for name in ("berlin.env", "oregon.env"):
        lines = (EXAMPLES / name).read_text(encoding="utf-8").splitlines()
        settings = load(dict(line.split("=", 1) for line in lines if line and not line.startswith("#")))
        assert settings.projects
        assert settings.projects.name == "two-sources.toml"
        places.append((settings.source, settings.bucket))
    assert places == [("berlin", "your-dogdriver"), ("oregon", "your-dogdriver")]


def test_the_compose_file_starts_what_the_image_has() -> None:
    compose: Any = yaml.safe_load((EXAMPLES / "compose.yaml").read_text(encoding="utf-8"))
    [service] = compose["services"].values()
    assert (EXAMPLES / service["build"] / "Dockerfile").exists()
    assert (service["init"], service["stop_grace_period"]) == (True, "30s")
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    mounts = dict(volume.split(":")[:2] for volume in service["volumes"])
    assert mounts["./one-service.toml"] == service["environment"]["DOGDRIVER_PROJECTS"]
    assert (EXAMPLES / "one-service.toml").exists()
    load({name: value for name, value in service["environment"].items() if "$" not in value})


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_every_command_that_is_shown_is_one_in_a_form_that_is_found(name: str) -> None:
    """In the container by `docker exec`, in a checkout out of .venv; a bare `dogdriver` is on nobody's PATH."""
    seen = 0
    for words in commands(PAPERS[name]):
        if words[:3] == ["docker", "exec", "dogdriver"]:
            assert words[3] == "dogdriver"
            make_parser().parse_args(words[4:])
            seen += 1
        elif words and words[0] == ".venv/bin/dogdriver":
            make_parser().parse_args(words[1:])
            seen += 1
        assert words[:1] != ["dogdriver"], words
    assert seen or name != "README.md"


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_every_container_is_reaped_named_stopped_in_time_and_local(name: str) -> None:
    runs = [words for words in commands(PAPERS[name]) if words[:2] == ["docker", "run"]]
    assert runs
    for words in runs:
        assert {"--init", "--name"} <= set(words), words
        assert words[words.index("--stop-timeout") + 1] == "30"
        assert words[words.index("-p") + 1] == "127.0.0.1:8080:8080"
        assert {"-d", "--rm"} & set(words)


def test_the_hooks_are_local_and_those_of_make_lint() -> None:
    hooks: Any = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8"))
    [repository] = hooks["repos"]
    assert repository["repo"] == "local"
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for hook in repository["hooks"]:
        program = hook["entry"].split()[0]
        assert program.startswith(".venv/bin/")
        assert f"$(BIN)/{Path(program).name}" in makefile


@pytest.mark.parametrize("name", ["one-service.toml", "own-test.toml", "two-sources.toml"])
async def test_an_example_runs(cli: Cli, tmp_path: Path, name: str) -> None:
    """As it stands, but for the address and the three minutes."""

    async def page(_: web.Request) -> web.Response:
        return web.json_response([])

    async def version(_: web.Request) -> web.Response:
        return web.json_response({"version": "1.4.0"})

    app = web.Application()
    app.add_routes([web.get("/__version__", version), web.get("/", page), web.route("*", "/api/items{rest:.*}", page)])
    place = tmp_path / "examples"
    place.mkdir()
    async with TestServer(app) as server:
        text = (EXAMPLES / name).read_text(encoding="utf-8").replace(SHOP, str(server.make_url("")).rstrip("/"))
        (place / name).write_text(text.replace("requests = [", 'duration = "1s"\nrequests = ['), encoding="utf-8")
        (place / "loadtest").mkdir()
        for file in ("molotov.json", "loadtest.py"):
            code = (EXAMPLES / "loadtest" / file).read_text(encoding="utf-8")
            (place / "loadtest" / file).write_text(code.replace('"duration": 180', '"duration": 1'), encoding="utf-8")
        said = await cli("run", "shop", "--json", DOGDRIVER_PROJECTS=str(place / name), DOGDRIVER_BUCKET="")
    assert said.code == 0, (said.out, said.err)
    run = said.run
    assert run["status"] in {Status.PENDING, Status.DONE}
    assert (run["release"], run["tally"]["failed"]) == ("1.4.0", 0)
    assert run["tally"]["ok"] > 0


@pytest.mark.usefixtures("starts_processes")
async def test_the_demos_token_is_shown_and_no_other_made(cli: Cli) -> None:
    """`dogdriver token` after `make run`, when the demo is all there is; `--demo` says it always."""
    (cli.data / "demo").mkdir(parents=True)
    (cli.data / "demo" / "token").write_text("the-token-of-the-demo\n")
    assert (await cli("token", DOGDRIVER_TOKEN="")).out == "the-token-of-the-demo\n"
    assert not (cli.data / "token").exists()
    (cli.data / "token").write_text("the-token-of-my-own\n")
    assert (await cli("token", DOGDRIVER_TOKEN="")).out == "the-token-of-my-own\n"
    assert (await cli("token", "--demo", DOGDRIVER_TOKEN="")).out == "the-token-of-the-demo\n"
