"""The files of a test: molotov.json, what it names, and a local folder of them."""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from dogdriver.model import Test

from .conftest import LOADTEST, MOLOTOV, Make, Repository, names, reason


async def test_a_folder_is_copied_as_it_stands(checkouts: Make, repository: Repository) -> None:
    made = checkouts()
    committed = await made.prepare(Test(repository.url))
    (repository.folder / "__pycache__").mkdir()
    (repository.folder / "__pycache__" / "x.pyc").write_bytes(b"")
    folder = await made.prepare(Test(str(repository.folder)))
    assert folder.content == committed.content, "the same content has the same hash"
    assert folder.commit is None
    repository.write(".gitignore", "data.json")
    repository.write("data.json", "[]")
    changed = await made.prepare(Test(str(repository.folder)))
    assert changed.content != folder.content, "uncommitted and ignored files are part of what runs"
    assert (Path(changed.directory) / "data.json").exists()
    repository.write("loadtest.py", "# edited meanwhile")
    assert (Path(changed.directory) / "loadtest.py").read_text() == LOADTEST


async def test_a_folder_may_hold_the_data_directory(checkouts: Make, tmp_path: Path) -> None:
    Repository(tmp_path / "data" / "other")
    (tmp_path / "molotov.json").write_text(json.dumps(MOLOTOV))
    (tmp_path / "loadtest.py").write_text(LOADTEST)
    made = checkouts()
    first = await made.prepare(Test(str(tmp_path)))
    assert names(Path(first.directory)) == ["index", "loadtest.py", "molotov.json"]
    assert (await made.prepare(Test(str(tmp_path)))).content == first.content


async def test_a_folder_s_executables_and_links_count(checkouts: Make, repository: Repository) -> None:
    repository.write("run.sh", "#!/bin/sh\n")
    (repository.folder / "run.sh").chmod(0o755)
    (repository.folder / "link").symlink_to("loadtest.py")
    (repository.folder / "linked").symlink_to("/etc")
    os.mkfifo(repository.folder / "pipe")
    folder = await checkouts().prepare(Test(str(repository.folder)))
    (repository.folder / "pipe").unlink()
    repository.commit("links")
    assert folder.content == (await checkouts().prepare(Test(repository.url))).content


async def test_env_stands_beside_the_tests(checkouts: Make, repository: Repository) -> None:
    entry = {"env": {"B": "own"}, "scenario": "loadtest.py"}
    repository.write(
        "molotov.json", {"molotov": {"env": {"A": "x", "B": "all", "N": 10, "T": True}, "tests": {"dogdriver": entry}}}
    )
    prepared = await checkouts().prepare(Test(str(repository.folder)))
    assert prepared.entry["env"] == {"A": "x", "B": "own", "N": "10", "T": "true"}


async def test_a_scenario_may_be_a_module(checkouts: Make, repository: Repository) -> None:
    repository.write("pkg/sub.py", LOADTEST)
    repository.write("molotov.json", {"molotov": {"tests": {"dogdriver": {"scenario": "pkg.sub"}}}})
    assert (await checkouts().prepare(Test(str(repository.folder)))).entry["scenario"] == "pkg.sub"


@pytest.mark.parametrize(
    ("molotov", "why"),
    [
        ("{", "molotov.json is not JSON (Expecting property name"),
        ("[" * 100_000, "molotov.json is not JSON"),
        ([], "must hold an object with the key `molotov`"),
        ({}, "`molotov` in molotov.json must be there and be an object"),
        ({"molotov": {}}, "`tests` in molotov.json must be there"),
        ({"molotov": {"tests": []}}, "`tests` in molotov.json must be there"),
        (
            {"molotov": {"tests": {"smoke": {}, "big": {}}}},
            "molotov.json has no test called 'dogdriver' (there is: big, smoke); correct the test's `name`",
        ),
        ({"molotov": {"tests": {}}}, "(there is: none)"),
        ({"molotov": {"tests": {"dogdriver": 3}}}, "`tests.dogdriver` in molotov.json must be there and be an object"),
        ({"molotov": {"env": 3, "tests": {"dogdriver": {}}}}, "`env` in molotov.json must be an object of texts"),
        ({"molotov": {"env": {"A=B": "x"}, "tests": {"dogdriver": {}}}}, "that no variable can have"),
        ({"molotov": {"env": {"A": None}, "tests": {"dogdriver": {}}}}, "must be an object of texts"),
        ({"molotov": {"requirements": 3, "tests": {"dogdriver": {}}}}, "`requirements` in molotov.json must be"),
        ({"molotov": {"requirements": "r.txt", "tests": {"dogdriver": {}}}}, "There is no file r.txt"),
        ({"molotov": {"requirements": "/etc/passwd", "tests": {"dogdriver": {}}}}, "does not lie in the test's"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": "none.py"}}}}, "There is no scenario 'none.py'"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": "molotov.dummy"}}}}, "There is no scenario 'molotov.dummy'"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": 3}}}}, "must be the name of a file"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": "../../etc/x.py"}}}}, "does not lie in the test's"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": "out.py"}}}}, "does not lie in the test's"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": "a\0b"}}}}, "does not lie in the test's"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": "loop.py"}}}}, "loop.py"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": "x" * 5000}}}}, "xxx"),
        ({"molotov": {"tests": {"dogdriver": {"scenario": ""}}}}, "does not lie in the test's"),
    ],
)
async def test_a_bad_description_gets_a_sentence(
    checkouts: Make, repository: Repository, molotov: Any, why: str
) -> None:
    repository.write("molotov.json", molotov)
    (repository.folder / "out.py").symlink_to("/etc/hostname")
    (repository.folder / "loop.py").symlink_to("loop.py")
    message = await reason(checkouts(), Test(str(repository.folder)))
    assert why in message
    assert len(message) < 500


async def test_a_missing_or_endless_description(checkouts: Make, repository: Repository) -> None:
    made, test = checkouts(), Test(str(repository.folder))
    repository.write("molotov.json", " " * 2_000_000)
    assert "molotov.json is larger than 1024 KiB" in await reason(made, test)
    (repository.folder / "molotov.json").write_bytes(b"\xff")
    assert "molotov.json in the test's repository is not UTF-8" in await reason(made, test)
    (repository.folder / "molotov.json").unlink()
    assert "There is no molotov.json in the test's repository; add one" in await reason(made, test)


async def test_a_path_must_be_there_and_inside(checkouts: Make, repository: Repository) -> None:
    (repository.folder / "out").symlink_to("/etc")
    repository.commit("link")
    assert "There is no molotov.json" in await reason(checkouts(), Test(repository.url, path="none"))
    for path in ("../..", "/etc", "out"):
        assert "does not lie in the test's repository" in await reason(checkouts(), Test(repository.url, path=path))


async def test_a_folder_that_is_too_much_is_refused(
    checkouts: Make, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dogdriver.checkout.files.MOST_FILES", 1)
    message = await reason(checkouts(), Test(str(repository.folder)))
    assert "holds more than 1 files" in message
    assert "give the folder of the test alone" in message
