"""Test repositories on disk, made from real git repositories and real folders."""

import asyncio
import contextlib
import json
import os
import socket
from pathlib import Path
from typing import Any

import pytest

from dogdriver.checkout import TestCheckouts
from dogdriver.errors import CheckoutError, LoadTestError
from dogdriver.model import Test

from .conftest import LOADTEST, MOLOTOV, Make, Repository


async def reason(checkouts: TestCheckouts, test: Test) -> str:
    with pytest.raises((CheckoutError, LoadTestError)) as caught:
        await checkouts.prepare(test)
    return caught.value.message


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


async def test_a_repository_becomes_a_directory(checkouts: Make, repository: Repository) -> None:
    prepared = await checkouts().prepare(Test(repository.url))
    directory = Path(prepared.directory)
    assert directory.is_absolute()
    assert names(directory) == ["loadtest.py", "molotov.json"]
    assert prepared.commit == repository.first
    assert prepared.content == repository.git("rev-parse", "HEAD^{tree}")
    assert prepared.entry == {"workers": 1, "duration": 1, "scenario": "loadtest.py", "env": {}}
    assert (prepared.name, prepared.site, prepared.notes) == ("dogdriver", None, ())


async def test_branch_tag_commit_and_head(checkouts: Make, repository: Repository) -> None:
    made = checkouts()
    repository.git("tag", "-a", "v1", "-m", "one")
    repository.git("checkout", "--quiet", "-b", "other")
    repository.write("loadtest.py", LOADTEST + "# other\n")
    other = repository.commit("other")
    wanted = {"main": repository.first, "v1": repository.first, repository.first: repository.first, "other": other}
    for ref, commit in {**wanted, "HEAD": other, "refs/heads/main": repository.first}.items():
        assert (await made.prepare(Test(repository.url, ref=ref))).commit == commit, ref


async def test_every_run_has_the_newest_state_and_a_directory_of_its_own(
    checkouts: Make, repository: Repository
) -> None:
    made = checkouts()
    first = await made.prepare(Test(repository.url, ref="main"))
    (Path(first.directory) / "left-over").write_text("by the first run")
    again = await made.prepare(Test(repository.url, ref="main"))
    assert again.directory != first.directory
    assert again.content == first.content
    assert not (Path(again.directory) / "left-over").exists()
    repository.write("loadtest.py", "# newer\n")
    commit = repository.commit("second")
    newer = await made.prepare(Test(repository.url, ref="main"))
    assert newer.commit == commit
    assert newer.content != first.content
    assert (Path(newer.directory) / "loadtest.py").read_text() == "# newer\n"
    assert (Path(first.directory) / "loadtest.py").read_text() == LOADTEST


async def test_a_forced_push_is_followed(checkouts: Make, repository: Repository) -> None:
    made = checkouts()
    await made.prepare(Test(repository.url))
    repository.git("checkout", "--quiet", "--orphan", "fresh")
    repository.write("loadtest.py", "# rewritten\n")
    commit = repository.commit("rewritten")
    repository.git("branch", "-M", "fresh", "main")
    assert (await made.prepare(Test(repository.url, ref="main"))).commit == commit


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


async def test_a_folder_at_a_ref_and_a_bare_repository_are_fetched(
    checkouts: Make, repository: Repository, tmp_path: Path
) -> None:
    repository.write("loadtest.py", "# not committed")
    made = checkouts()
    assert (await made.prepare(Test(str(repository.folder), ref="main"))).commit == repository.first
    repository.git("clone", "--quiet", "--bare", ".", str(tmp_path / "bare.git"))
    assert (await made.prepare(Test(str(tmp_path / "bare.git")))).commit == repository.first


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


async def test_a_subfolder_is_comparable_by_itself(checkouts: Make, repository: Repository) -> None:
    repository.write("load/molotov.json", MOLOTOV)
    repository.write("load/loadtest.py", LOADTEST)
    repository.commit("load")
    made = checkouts()
    before = await made.prepare(Test(repository.url, path="load"))
    assert Path(before.directory).name == "load"
    repository.write("service.py", "# another release")
    repository.commit("unrelated")
    after = await made.prepare(Test(repository.url, path="load"))
    assert after.commit != before.commit
    assert after.content == before.content
    folder = await made.prepare(Test(str(repository.folder), path="load"))
    assert folder.content == before.content


async def test_a_subfolder_that_reaches_outside_counts_whole(checkouts: Make, repository: Repository) -> None:
    repository.write("load/molotov.json", {"molotov": {"tests": {"dogdriver": {"scenario": "../loadtest.py"}}}})
    repository.commit("load")
    prepared = await checkouts().prepare(Test(repository.url, path="load"))
    assert prepared.content == repository.git("rev-parse", "HEAD^{tree}")


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


async def test_what_cannot_be_fetched_is_named_with_its_remedy(
    checkouts: Make, repository: Repository, tmp_path: Path
) -> None:
    made = checkouts()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    for test, why in (
        (Test(repository.url, ref="none"), "(none) cannot be fetched: there is no such branch, tag or commit"),
        (Test(repository.url, ref="0" * 40), "cannot be fetched: there is no such commit"),
        (Test(f"file://{tmp_path}/none"), "there is no git repository; correct the address"),
        (Test(f"{tmp_path}/none"), f"There is no folder {tmp_path}/none"),
        (Test(f"http://127.0.0.1:{port}/r"), "the server cannot be reached; correct the address or try later"),
        (Test("ext::sh -c id"), "is not an address but an instruction to git"),
        (Test(repository.url, ref="-x"), "is not a git ref"),
    ):
        assert why in await reason(made, test)
    assert list((tmp_path / "data" / "trees").iterdir()) == [], "nothing half-made is left"


async def test_a_server_that_hangs_is_left_and_git_is_gone(checkouts: Make, tmp_path: Path) -> None:
    """Only the second time: that git makes a place for the repository must not be cut short by so little time."""

    async def refuse(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 404 No\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(refuse, "127.0.0.1", 0) as refusing:
        port = refusing.sockets[0].getsockname()[1]
        test = Test(f"http://127.0.0.1:{port}/r")
        assert "there is no such repository" in await reason(checkouts(), test)
    with socket.create_server(("127.0.0.1", port)):
        message = await reason(checkouts(seconds=1.0), test)
    assert "no answer within 1 s; correct the address or try later" in message
    assert not processes_with(f"127.0.0.1:{port}/r")


async def test_a_cancelled_fetch_leaves_no_git(checkouts: Make, tmp_path: Path) -> None:
    asked = asyncio.Event()
    gone = asyncio.Event()

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.set()
        await gone.wait()
        writer.close()

    server = await asyncio.start_server(silent, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    task = asyncio.create_task(checkouts().prepare(Test(f"http://127.0.0.1:{port}/r")))
    await asked.wait()
    assert processes_with(f"127.0.0.1:{port}/r")
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    left = processes_with(f"127.0.0.1:{port}/r")
    gone.set()
    server.close()
    await server.wait_closed()
    assert not left
    assert list((tmp_path / "data" / "trees").iterdir()) == []


def processes_with(words: str) -> list[str]:
    """Command lines that live (a zombie has none) and hold *words*."""
    found = []
    for entry in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            line = (entry / "cmdline").read_text().replace("\0", " ")
            if words in line:
                found.append(line)
    return found


async def test_a_password_is_never_asked_for(checkouts: Make) -> None:
    async def locked(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b'HTTP/1.1 401 No\r\nWWW-Authenticate: Basic realm="x"\r\nContent-Length: 0\r\n\r\n')
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(locked, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    message = await reason(checkouts(), Test(f"http://127.0.0.1:{port}/r"))
    assert "there is no such public repository" in message
    server.close()
    await server.wait_closed()


async def test_nothing_of_the_users_git_configuration_is_read(
    checkouts: Make, repository: Repository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text(f'[url "file:///nowhere"]\n\tinsteadOf = {repository.url}\n')
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_DIR", "/nowhere")
    assert (await checkouts().prepare(Test(repository.url))).commit == repository.first


async def test_hooks_filters_and_submodules_do_nothing(checkouts: Make, repository: Repository, tmp_path: Path) -> None:
    repository.write(".gitattributes", "*.py filter=evil\n")
    repository.write(".gitmodules", '[submodule "s"]\n\tpath = s\n\turl = ext::touch ran\n')
    repository.git("config", "filter.evil.smudge", f"touch {tmp_path}/smudged")
    repository.git("config", "filter.evil.clean", "cat")
    repository.git("update-index", "--add", "--cacheinfo", f"160000,{repository.first},s")
    commit = repository.git("commit-tree", "-m", "x", repository.git("write-tree"))
    repository.git("update-ref", "refs/heads/main", commit)
    prepared = await checkouts().prepare(Test(repository.url, ref="main"))
    assert not (tmp_path / "smudged").exists()
    assert names(Path(prepared.directory) / "s") == []


async def test_submodules_are_mentioned(checkouts: Make, repository: Repository) -> None:
    repository.write(".gitmodules", '[submodule "s"]\n\tpath = s\n\turl = https://github.com/o/s\n')
    repository.commit("submodule")
    prepared = await checkouts().prepare(Test(repository.url))
    assert prepared.notes == ("the test's repository has submodules; they are not fetched",)


@pytest.mark.parametrize("damage", ["refs/test.lock", "shallow.lock", "HEAD", "objects"])
async def test_what_a_killed_daemon_left_is_repaired(
    checkouts: Make, repository: Repository, tmp_path: Path, damage: str
) -> None:
    made = checkouts()
    await made.prepare(Test(repository.url))
    repository.write("loadtest.py", "# newer")
    commit = repository.commit("newer")
    (kept,) = (tmp_path / "data" / "repositories").iterdir()
    if damage.endswith(".lock"):
        (kept / damage).touch()
    elif damage == "HEAD":
        (kept / damage).unlink()
    else:
        for path in (kept / damage).rglob("*"):
            if path.is_file():
                path.chmod(0o644)
                path.write_bytes(b"")
    assert (await made.prepare(Test(repository.url))).commit == commit


FULL = """#!/bin/sh
case "$*" in
*fetch*) echo half > objects/half; echo "fatal: write error: No space left on device" >&2; exit 128;;
*) PATH=/usr/local/bin:/usr/bin:/bin exec git "$@";;
esac
"""


async def test_a_repository_that_fills_the_disk_is_not_left_there(repository: Repository, tmp_path: Path) -> None:
    """Where the disk stayed full, the end of this run and of all others could not be kept."""
    (tmp_path / "git").write_text(FULL)
    (tmp_path / "git").chmod(0o755)
    made = TestCheckouts(tmp_path / "data", environ={"PATH": f"{tmp_path}:{os.defpath}"}, packages={})
    why = "cannot be fetched: the disk of the data directory is full; make room."
    assert why in await reason(made, Test(repository.url))
    assert list((tmp_path / "data" / "repositories").iterdir()) == []


async def test_a_data_directory_that_takes_nothing_is_a_sentence(
    checkouts: Make, repository: Repository, tmp_path: Path
) -> None:
    made = checkouts()
    (tmp_path / "data").write_text("no directory")
    why = "The test cannot be put into the data directory (Not a directory); make room there or fix its owner."
    assert await reason(made, Test(repository.url)) == why


async def test_the_disk_is_bounded(checkouts: Make, repository: Repository, tmp_path: Path) -> None:
    made = checkouts()
    for number in range(24):
        repository.git("branch", f"b{number}")
        newest = await made.prepare(Test(repository.url, ref=f"b{number}"))
    assert len(list((tmp_path / "data" / "repositories").iterdir())) == 20
    assert len(list((tmp_path / "data" / "trees").iterdir())) == 4
    assert names(Path(newest.directory)) == ["loadtest.py", "molotov.json"]


async def test_a_moving_branch_does_not_grow_its_repository(
    checkouts: Make, repository: Repository, tmp_path: Path
) -> None:
    made = checkouts()
    counts = set()
    for number in range(3):
        repository.write("loadtest.py", f"# {number}")
        repository.commit(str(number))
        await made.prepare(Test(repository.url))
        (kept,) = (tmp_path / "data" / "repositories").iterdir()
        objects = repository.git(f"--git-dir={kept}", "cat-file", "--batch-all-objects", "--batch-check")
        counts.add(len(objects.splitlines()))
    assert counts == {4}, "commit, tree and two files"


async def test_a_folder_that_is_too_much_is_refused(
    checkouts: Make, repository: Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dogdriver.checkout.files.MOST_FILES", 1)
    message = await reason(checkouts(), Test(str(repository.folder)))
    assert "holds more than 1 files" in message
    assert "give the folder of the test alone" in message


async def test_without_git_the_sentence_says_so(checkouts: Make, repository: Repository) -> None:
    made = checkouts(environ={"PATH": "/nowhere"})
    assert "There is no git on this machine; install it." in await reason(made, Test(repository.url))


async def test_two_at_once_do_not_meet(checkouts: Make, repository: Repository) -> None:
    made = checkouts()
    one, two = await asyncio.gather(made.prepare(Test(repository.url)), made.prepare(Test(repository.url)))
    assert one.directory != two.directory
    assert json.loads((Path(two.directory) / "molotov.json").read_text()) == MOLOTOV
    assert not processes_with(repository.url)
