"""What is exported comes back as it was; again changes nothing; what is cut off or bent is refused whole."""

import csv
import io
import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from msgspec import structs

from dogdriver.errors import Invalid, StoreError
from dogdriver.model import (
    ClientMeasures,
    Filter,
    Grade,
    Load,
    MetricState,
    MetricValue,
    Release,
    Run,
    Scope,
    Status,
    Tally,
)
from dogdriver.storage import Store, open_store
from dogdriver.storage.export import RELEASE, Counts, export_csv, export_lines, import_lines, new_file
from tests.storage.made import WHERE, at, judged, key, reading, run, settled

MEASURED = ClientMeasures(
    10.0, 20.0, 30.0, None, 0.01, 1.0, 2.0, 0.3, Grade.DEGRADED, ("a reason",), {"200": 9}, (("it broke", 1),),
    histogram="HISTFAAAAB",
)  # fmt: skip

NOW = at(1_000_000)


def made() -> list[Run]:
    """One of each status, with everything that a run may have."""
    whole: dict[str, Any] = {
        "endpoint": "https://stage.example", "load": Load(2, 1, 300.0, {"ramp_up": 5.0, "flavour": None}),
        "tally": Tally(99, 1, 200, 3), "client": MEASURED, "content": "tree", "test_commit": "c" * 40,
        "fingerprint": -3.5, "notes": ("a note", "ünï\u2028code"), "links": {"dashboard": "https://dd.example/?a=b"},
        "attempts": 3, "excluded": "a neighbour was loud",
        "metrics": {
            "cpu": structs.replace(settled(-7.25, reading=reading()), interval=20.0, note="late", earlier=-7.0),
            "rps": MetricValue(MetricState.NO_DATA, note="there was nothing"),
            "client.p50": settled(0.1 + 0.2),
        },
    }  # fmt: skip
    bad = {status: {"reason": "it went wrong"} for status in (Status.FAILED, Status.ABORTED, Status.INVALID)}
    runs = [run(f"r-{status}", minute=n, status=status, **bad.get(status, {})) for n, status in enumerate(Status)]
    whole |= {"release": "1.1+abcdef0", "version": "1.1", "commit": "abcdef0" * 5}
    return [*runs, run("r-whole", minute=20, status=Status.DONE, **whole)]


async def filled(data: Path) -> None:
    async with open_store(data) as store:
        for one in made():
            await store.transitions.add(one)
        await store.releases.see("kintowe", "stage", Release("1.0", "1.0"), at(0))
        await store.releases.see("kintowe", "stage", Release("1.1+abcdef0", "1.1", "abcdef0" * 5), at(20))
        await store.releases.see("kintowe", "stage", Release("1.0", "1.0"), at(30))
        whole = await store.runs.get("r-whole")
        assert whole is not None
        better = judged("cpu", "1.0", 1, minute=21, inputs={"runs": ["a", "b"], "values": [1.5, None]})
        looks = [replace(better, verdict=replace(better.verdict, effect=-0.05)), judged("cpu", "1.0", 2, minute=22)]
        await store.transitions.save(
            whole, expect=Status.DONE, judged=[*looks, judged("rps", "1.1+abcdef0", 1, minute=23)]
        )


def exported(data: Path, **more: Any) -> bytes:
    out = io.StringIO()
    export_lines(data, out, **more)
    return out.getvalue().encode()


def lines(text: bytes) -> Sequence[bytes]:
    return text.splitlines(keepends=True)


async def everything(store: Store) -> Any:
    page = await store.runs.list(Filter(), limit=1000)
    ended = [one.id for one in page.runs if one.status not in {Status.QUEUED, Status.RUNNING}]
    return {
        "runs": [await store.runs.get(name) for name in ended],
        "series": [await store.series.points(key(name)) for name in ("cpu", "rps", "client.p50")],
        "readings": await store.series.readings(key("cpu"), limit=9),
        "releases": await store.releases.seen("kintowe", "stage"),
        "verdicts": await store.verdicts.newest(Scope(*WHERE)),
        "looks": await store.verdicts.looks(key("cpu"), "1.0"),
        "next_due": await store.runs.next_due(),
    }


async def test_all_of_it_comes_back(tmp_path: Path) -> None:
    await filled(tmp_path / "one")
    text = exported(tmp_path / "one")
    imported = await import_lines(tmp_path / "two", lines(text), now=NOW)
    assert (imported.new, imported.there) == (Counts(runs=6, verdicts=3, releases=2), Counts())
    async with open_store(tmp_path / "one") as one, open_store(tmp_path / "two") as two:
        assert len((await everything(one))["runs"]) == 6
        assert await everything(two) == await everything(one)
        # What was seen last is seen last: 1.0 is no return.
        assert await two.releases.see("kintowe", "stage", Release("1.0", "1.0"), at(40)) is False
        assert await two.releases.label("kintowe", "stage", "1.1", "f" * 40) == await one.releases.label(
            "kintowe", "stage", "1.1", "f" * 40
        )
    assert exported(tmp_path / "two", project="nothing") == exported(tmp_path / "one", project="nothing")


async def test_again_changes_nothing(tmp_path: Path) -> None:
    await filled(tmp_path / "one")
    text = exported(tmp_path / "one")
    for data in ("one", "two"):
        await import_lines(tmp_path / data, lines(text), now=NOW)
        again = await import_lines(tmp_path / data, lines(text), now=NOW)
        assert (again.new, again.there) == (Counts(), Counts(runs=6, verdicts=3, releases=2))
        assert exported(tmp_path / data) == text


async def test_what_is_here_stays_as_it_is(tmp_path: Path) -> None:
    await filled(tmp_path / "one")
    text = exported(tmp_path / "one")
    async with open_store(tmp_path / "one") as store:
        whole = await store.runs.get("r-whole")
        assert whole is not None
        await store.transitions.save(structs.replace(whole, excluded=None), expect=Status.DONE)
        await store.releases.see("kintowe", "stage", Release("1.0", "1.0"), at(50))
    before = exported(tmp_path / "one")
    await import_lines(tmp_path / "one", lines(text), now=NOW)
    assert exported(tmp_path / "one") == before != text


async def test_one_state_is_exported_whatever_is_written_meanwhile(tmp_path: Path, starts_processes: None) -> None:
    await filled(tmp_path)
    alone = exported(tmp_path)

    class Writing(io.StringIO):
        """Another program that writes between any two lines."""

        def write(self, text: str) -> int:
            command = [sys.executable, "-c", WRITER, str(tmp_path / "dogdriver.db"), text[:20]]
            subprocess.run(command, check=True)
            return super().write(text)

    out = Writing()
    export_lines(tmp_path, out)
    assert out.getvalue().encode() == alone
    assert exported(tmp_path) != alone


WRITER = """
import sqlite3, sys
with sqlite3.connect(sys.argv[1]) as database:
    database.execute("UPDATE run SET attempts = attempts + 1")
    database.execute("DELETE FROM verdict WHERE seq = (SELECT min(seq) FROM verdict)")
"""


async def test_beside_a_daemon_it_can_be_exported_and_not_imported(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with open_store(tmp_path):
        text = exported(tmp_path)
        with pytest.raises(StoreError, match="in use by another dogDriver"):
            await import_lines(tmp_path, lines(text), now=NOW)


async def test_one_project(tmp_path: Path) -> None:
    await filled(tmp_path)
    async with open_store(tmp_path) as store:
        await store.transitions.add(run("other", status=Status.DONE, project="other", metrics={"cpu": settled(1)}))
    documents = [json.loads(line) for line in lines(exported(tmp_path, project="other"))]
    assert [one["kind"] for one in documents] == ["dogdriver", "run", "end"]
    assert documents[1]["run"]["id"] == "other"


@pytest.mark.parametrize("kept", [0, 1, 4, -1])
async def test_a_file_that_was_cut_off_is_refused(tmp_path: Path, kept: int) -> None:
    await filled(tmp_path / "one")
    with pytest.raises(Invalid, match="not whole"):
        await import_lines(tmp_path / "two", lines(exported(tmp_path / "one"))[:kept], now=NOW)
    async with open_store(tmp_path / "two") as two:
        assert (await two.runs.list(Filter())).runs == []


HEAD = b'{"kind": "dogdriver", "version": 1}'
END = b'{"kind": "end", "runs": 0, "verdicts": 0, "releases": 0}'


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ([b"{}"], "line 1 .* first line of an export"),
        ([b'{"kind": "dogdriver", "version": 2}'], "line 1 .* version is 2"),
        ([HEAD, b"{"], "line 2 "),
        ([HEAD, b"\xff\xfe"], "line 2 "),
        ([HEAD, b"[]"], "line 2 .* not a JSON object"),
        ([HEAD, b"[" * 5000 + b"]" * 5000], "line 2 .*RecursionError"),
        ([HEAD, b'{"kind": "surprise"}'], "line 2 .* 'surprise'"),
        ([HEAD, END, END], "line 3 .* after the end"),
        ([HEAD, b'{"kind": "run", "run": {"id": "x"}}'], "line 2 .* lacks project"),
        ([HEAD, b'{"kind": "run"}'], "line 2 .* JSON object"),
        ([HEAD, b'{"kind": "release", "release": {}}'], "line 2 .*KeyError"),
        ([HEAD, b'{"kind": "release", "release": 1}'], "line 2 .*TypeError"),
        (
            [HEAD, b'{"kind": "release", "release": %s}' % json.dumps({name: [] for name in RELEASE}).encode()],
            "line 2 ",
        ),
        ([HEAD, b'{"kind": "verdict", "verdict": {"key": {}}}'], "line 2 "),
    ],
)
async def test_what_cannot_be_used_is_named_by_its_line(tmp_path: Path, text: list[bytes], said: str) -> None:
    with pytest.raises(Invalid, match=said):
        await import_lines(tmp_path, text, now=NOW)


async def test_values_as_csv(tmp_path: Path) -> None:
    await filled(tmp_path)
    out = io.StringIO()
    assert export_csv(tmp_path, out) == 3
    rows = list(csv.DictReader(io.StringIO(out.getvalue())))
    assert [(row["metric"], row["value"], row["state"]) for row in rows] == [
        ("cpu", "-7.25", "settled"), ("rps", "", "no_data"), ("client.p50", "0.30000000000000004", "settled"),
    ]  # fmt: skip
    assert rows[0]["started"] == "2026-03-01T12:20:00.123456Z"
    assert rows[0]["excluded"] == "a neighbour was loud"


def test_a_file_is_there_when_it_is_whole(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"), new_file(tmp_path / "export") as out:
        export_lines(tmp_path, out)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "there").write_text("precious")
    with pytest.raises(StoreError, match="exists"), new_file(tmp_path / "there"):
        pass
    with pytest.raises(StoreError, match="cannot be written"), new_file(tmp_path / "no" / "such"):
        pass


async def test_the_commands(tmp_path: Path, starts_processes: None) -> None:
    await filled(tmp_path / "one")

    def dogdriver(data: str, *words: str, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
        environ = {"PATH": "/usr/bin:/bin", "DOGDRIVER_DATA": str(tmp_path / data), "PYTHONPATH": ":".join(sys.path)}
        command = [sys.executable, "-m", "dogdriver", *words]
        return subprocess.run(command, env=environ, input=given, capture_output=True, check=False)

    file = str(tmp_path / "export.jsonl")
    assert dogdriver("one", "export", file).returncode == 0
    assert (tmp_path / "export.jsonl").read_bytes() == dogdriver("one", "export").stdout == exported(tmp_path / "one")
    again = dogdriver("one", "export", file)
    assert (again.returncode, b"exists" in again.stderr) == (2, True)
    assert dogdriver("one", "export", "--csv").stdout.startswith(b"run,project,deployment,")
    found = dogdriver("two", "import", file)
    assert (found.returncode, b"new: 6 runs, 3 verdicts, 2 releases;" in found.stdout) == (0, True), found
    piped = dogdriver("three", "import", given=(tmp_path / "export.jsonl").read_bytes())
    assert (piped.returncode, b"new: 6 runs" in piped.stdout) == (0, True), piped
    assert dogdriver("three", "import", "nowhere").returncode == 2
    assert dogdriver("two", "export").stdout == exported(tmp_path / "one")
