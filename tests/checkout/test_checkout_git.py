"""git: what cannot be fetched, what is left of it, and what it must not do."""

import asyncio
import contextlib
import json
import os
import socket
from pathlib import Path

import pytest

from dogdriver.checkout import TestCheckouts
from dogdriver.model import Test

from .conftest import MOLOTOV, Make, Repository, names, reason


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


async def test_without_git_the_sentence_says_so(checkouts: Make, repository: Repository) -> None:
    made = checkouts(environ={"PATH": "/nowhere"})
    assert "There is no git on this machine; install it." in await reason(made, Test(repository.url))


async def test_two_at_once_do_not_meet(checkouts: Make, repository: Repository) -> None:
    made = checkouts()
    one, two = await asyncio.gather(made.prepare(Test(repository.url)), made.prepare(Test(repository.url)))
    assert one.directory != two.directory
    assert json.loads((Path(two.directory) / "molotov.json").read_text()) == MOLOTOV
    assert not processes_with(repository.url)
