"""What a user can meet is documented: commands, metrics, words; the papers agree with each other and with the tree."""

import argparse
import inspect
import re
import tomllib
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from dogdriver import app
from dogdriver.catalog.join import Defaults, join
from dogdriver.catalog.projects_file import parse
from dogdriver.cli.arguments import make_parser
from dogdriver.errors import SettingsError
from dogdriver.metrics.points import is_reduction
from dogdriver.model import Grade, Headline, MessageKind, MetricState, Outcome, Reduction, Standing, Status, Trigger
from dogdriver.web.prometheus import Metrics

ROOT = Path(__file__).parent.parent
DOCS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")}
README = (ROOT / "README.md").read_text(encoding="utf-8")
CONTRIBUTING = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
PAPERS = {"README.md": README, "CONTRIBUTING.md": CONTRIBUTING, **DOCS}
ARCHITECTURE = DOCS["docs/architecture.md"]
PYPROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))


def commands() -> dict[str, argparse.ArgumentParser]:
    [words] = [a for a in make_parser()._actions if isinstance(a, argparse._SubParsersAction)]
    return dict(words.choices)


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_command_is_documented(command: str) -> None:
    assert any(f"dogdriver {command}" in text for text in DOCS.values()), f"docs/ does not name `dogdriver {command}`"


@pytest.mark.parametrize("command", sorted(commands()))
def test_every_option_is_documented(command: str) -> None:
    options = [
        o for a in commands()[command]._actions for o in a.option_strings if o.startswith("--") and o != "--help"
    ]
    text = "\n".join(DOCS.values())
    assert not [option for option in options if f"`{option}" not in text and f" {option}" not in text]


def test_every_name_that_prometheus_gets_is_documented() -> None:
    names = set(re.findall(r"^# HELP (\S+)", Metrics().exposition([], [], {}).decode(), re.MULTILINE))
    assert len(names) >= 4
    assert not [name for name in names if not any(name in text for text in DOCS.values())]


@pytest.mark.parametrize(
    "words", [Status, MetricState, Outcome, Headline, Standing, Trigger, Grade], ids=lambda words: words.__name__
)
def test_every_word_of_the_api_is_documented(words: type[StrEnum]) -> None:
    assert not [word.value for word in words if f"`{word.value}`" not in DOCS["docs/api.md"]]


def test_every_reduction_is_taken_and_documented() -> None:
    assert not [word.value for word in Reduction if not is_reduction(word)]
    assert not [word.value for word in Reduction if f"`{word.value}`" not in DOCS["docs/projects.md"]]


def test_every_kind_of_message_has_a_sender() -> None:
    wiring = "".join((ROOT / "dogdriver" / name).read_text(encoding="utf-8") for name in ("app.py", "cli/session.py"))
    assert not [kind.name for kind in MessageKind if f"MessageKind.{kind.name}: " not in wiring]


def _anchor(heading: str) -> str:
    return re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-")


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_links_lead_somewhere(name: str) -> None:
    for target, anchor in re.findall(r"\]\(([^)#\s]*)#?([^)\s]*)\)", PAPERS[name]):
        if "://" in target:
            continue
        path = (ROOT / name).parent / target if target else ROOT / name
        assert path.exists(), target
        if anchor:
            headings = re.findall(r"^#+ (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)
            assert anchor in map(_anchor, headings), f"{target}#{anchor}"


@pytest.mark.parametrize("name", [name for name, text in PAPERS.items() if "[[project]]" in text])
def test_the_projects_files_that_are_shown_are_taken(name: str, tmp_path: Path) -> None:
    examples = [one for one in re.findall(r"```toml\n(.*?)```", PAPERS[name], re.DOTALL) if "[[project]]" in one]
    assert examples
    for example in examples:
        file = parse(example, tmp_path / "projects.toml", margin=0.03)
        for project in join(file, [], Defaults())[0].values():
            assert project.test
            assert project.allowed
            assert not project.problems


@pytest.mark.parametrize(
    "table", ["[defaults]", "[[project]]", "[[project]]\n[project.test]", "[[project]]\n[[project.metric]]"]
)
def test_every_key_of_the_projects_file_is_documented(table: str, tmp_path: Path) -> None:
    with pytest.raises(SettingsError) as refused:
        parse(f"{table}\nxyzzy = 1\n", tmp_path / "projects.toml", margin=0.03)
    [keys] = re.findall(r"known are ([^.]*)", refused.value.message)
    rows = re.findall(r"^\| `(\w+)`", DOCS["docs/projects.md"], re.MULTILINE)
    assert set(keys.split(", ")) <= set(rows)


def test_the_change_log_knows_the_version() -> None:
    version = PYPROJECT["project"]["version"]
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in log or f"## {version}" in log


def test_the_words_for_the_makefile_exist() -> None:
    words = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    assert {"run", "quick", "test", "lint", "bench", "browser", "image-check"} <= words
    for name, text in PAPERS.items():
        named = re.findall(r"(?:^    |`)make ([a-z-]+)", text, re.MULTILINE)
        assert set(named) <= words, name


def test_the_layers_are_drawn_as_they_are_kept() -> None:
    [contract] = [one for one in PYPROJECT["tool"]["importlinter"]["contracts"] if one["type"] == "layers"]
    [drawing] = re.findall(r"## Layers\n.*?```\n(.*?)```", ARCHITECTURE, re.DOTALL)
    assert [re.split(r"  +", line)[0] for line in drawing.splitlines()] == contract["layers"]


def test_every_room_is_named() -> None:
    [table] = re.findall(r"## Rooms\n(.*?)\n## ", ARCHITECTURE, re.DOTALL)
    firsts = [line.split("|")[1] for line in table.splitlines() if line.startswith("| `")]
    named = [name for first in firsts for name in re.findall(r"`([\w.]+)/?`", first)]
    rooms = {p.name for p in (ROOT / "dogdriver").iterdir() if p.suffix == ".py" or (p / "__init__.py").exists()}
    assert sorted(named) == sorted(rooms - {"__init__.py"})


def test_what_starts_is_named_in_its_order() -> None:
    names = [resource.__name__ for resource in app.RESOURCES]
    assert f"    {' → '.join(names)}\n" in ARCHITECTURE


def test_every_worker_is_named() -> None:
    [table] = re.findall(r"\| worker \|.*?\n\n", ARCHITECTURE, re.DOTALL)
    workers = re.findall(r'worker\("(\w+)"', inspect.getsource(app))
    assert len(workers) > 1
    assert re.findall(r"^\| (\w+) \|", table, re.MULTILINE)[1:] == workers


@pytest.mark.parametrize("name", sorted(PAPERS))
def test_every_file_that_is_named_exists(name: str) -> None:
    """As seen from the top or from the package; a bare name is of a file somewhere in there."""
    tops = (ROOT, ROOT / "dogdriver")
    folders = {path.name for top in tops for path in top.iterdir() if path.is_dir()}
    names = {path.name for folder in ("dogdriver", "tests", "bench") for path in (ROOT / folder).rglob("*.py")}
    keys_of_the_bucket = "dogdriver/v1/"
    for one in re.findall(r"`([\w.]+/[\w./-]*|\w+\.py)`", PAPERS[name]):
        if "/" not in one:
            assert one in names
        elif one.split("/")[0] in folders and not one.startswith(keys_of_the_bucket):
            assert any((top / one).exists() for top in tops), one


def test_the_glossary_is_in_order_and_of_words_in_use() -> None:
    words = re.findall(r"^- \*\*([^*]+)\*\*: ", DOCS["docs/glossary.md"], re.MULTILINE)
    assert len(words) >= 24
    assert words == sorted(words)
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "dogdriver").rglob("*.py")).lower()
    used = code + "\n".join(text for name, text in DOCS.items() if name != "docs/glossary.md").lower()
    assert not [word for word in words if not all(part in used for part in word.split())]


def test_decisions_are_numbered_without_a_gap() -> None:
    decisions = sorted(name for name in DOCS if name.startswith("docs/adr/"))
    for number, name in enumerate(decisions, 1):
        assert name.startswith(f"docs/adr/{number:04}-")
        assert DOCS[name].startswith(f"# {number}. ")


def test_the_commands_that_are_named_exist() -> None:
    for name, text in PAPERS.items():
        assert set(re.findall(r"`dogdriver ([a-z]+)", text)) <= commands().keys(), name
        for module in re.findall(r"python -m ((?:dogdriver|bench)[\w.]*)", text):
            path = ROOT / module.rstrip(".").replace(".", "/")
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), f"{name}: {module}"
