"""What a user can meet is documented: commands, metrics, words; and the papers agree with each other."""

import argparse
import re
import tomllib
from pathlib import Path

import pytest

from dogdriver.catalog.projects_file import parse
from dogdriver.cli.arguments import make_parser
from dogdriver.errors import SettingsError
from dogdriver.model import Headline, MetricState, Outcome, Status
from dogdriver.web.prometheus import Metrics

ROOT = Path(__file__).parent.parent
DOCS = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in (ROOT / "docs").rglob("*.md")}
README = (ROOT / "README.md").read_text(encoding="utf-8")


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


@pytest.mark.parametrize("words", [Status, MetricState, Outcome], ids=lambda words: words.__name__)
def test_every_word_of_the_api_is_documented(words: type[Status] | type[MetricState] | type[Outcome]) -> None:
    assert not [word.value for word in words if f"`{word.value}`" not in DOCS["docs/api.md"]]


def test_every_headline_is_documented() -> None:
    members = [Headline.SLOWER, Headline.FASTER, Headline.MIXED, Headline.NO_CHANGE, Headline.UNDECIDED]
    assert not [word for word in members if f"`{word}`" not in DOCS["docs/api.md"]]


@pytest.mark.parametrize("name", ["README.md", *sorted(DOCS)])
def test_links_lead_somewhere(name: str) -> None:
    text = README if name == "README.md" else DOCS[name]
    folder = (ROOT / name).parent
    targets = re.findall(r"\]\(([^)#\s]+)[^)]*\)", text)
    assert not [t for t in targets if "://" not in t and not (folder / t).exists()]


@pytest.mark.parametrize("name", ["README.md", "docs/projects.md"])
def test_the_projects_files_that_are_shown_are_taken(name: str, tmp_path: Path) -> None:
    [example] = re.findall(r"```toml\n(.*?)```", README if name == "README.md" else DOCS[name], re.DOTALL)
    [project] = parse(example, tmp_path / "projects.toml", margin=0.03).projects
    assert (project.name, [metric.name for metric in project.metrics]) == ("kintowe", ["latency"])


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
    version = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
    log = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    assert "## Unreleased" in log or f"## {version}" in log


def test_the_design_words_for_the_makefile_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for word in ("run", "quick", "test", "lint", "bench", "browser", "image-check"):
        assert re.search(rf"^{word}:", makefile, re.MULTILINE)
