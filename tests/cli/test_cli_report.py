"""What a client says: plain lines, a bar, JSON lines; never a secret."""

import json
import threading
from datetime import UTC, datetime
from io import StringIO

import pytest
from msgspec.structs import replace

from dogdriver.cli.arguments import ExitCode
from dogdriver.cli.report import make_report, run_sentence
from dogdriver.logs import Masker
from dogdriver.model import ClientMeasures, Grade, Phase, Run, Snapshot, Status, Tally, Trigger
from dogdriver.settings import Secret

RUN = Run(
    id="r1", project="thing", deployment="stage", test="t", source="ci", status=Status.PENDING,
    trigger=Trigger.REQUEST, created=datetime(2026, 5, 4, tzinfo=UTC),
)  # fmt: skip


class Terminal(StringIO):
    def isatty(self) -> bool:
        return True


def snapshot(progress: float, *lines: str, state: Phase = Phase.LOADING) -> Snapshot:
    return Snapshot(state, progress, progress * 10, 2, 10.0, 20.0, 30.0, 5, 0, 5, 0, lines)


def test_plain_lines_are_few() -> None:
    out = StringIO()
    report = make_report(out, Masker(), as_json=False)
    report.say("started", "It begins.")
    report.load("r1", snapshot(0.0, state=Phase.GLOBAL_SETUP))
    for percent in range(101):
        report.load("r1", snapshot(percent / 100))
    report.say("ended", "It ends.")
    report.close()
    lines = out.getvalue().splitlines()
    assert (lines[0], lines[-1], len(lines)) == ("It begins.", "It ends.", 13)
    assert lines[1] == "    0%  10/s, median 20 ms, 5 ok, 0 failed"


def test_json_lines_hold_everything() -> None:
    out = StringIO()
    report = make_report(out, Masker(), as_json=True)
    report.say("started", "It begins.", run="r1")
    report.load("r1", snapshot(0.5, "a line"))
    first, second = [json.loads(line) for line in out.getvalue().splitlines()]
    assert first == {"event": "started", "message": "It begins.", "run": "r1"}
    assert (second["event"], second["run"], second["progress"], second["lines"]) == ("progress", "r1", 0.5, ["a line"])


def test_a_bar_on_a_terminal() -> None:
    out = Terminal()
    threads = threading.active_count()
    report = make_report(out, Masker(), as_json=False)
    report.say("started", "It begins: [bold]no markup[/bold].")
    report.load("r1", snapshot(0.0))
    report.load("r1", snapshot(0.5, "says the [test]"))
    assert threading.active_count() <= threads  # a load would be blamed for what it did not start
    report.say("ended", "It ends.")
    report.load("r2", snapshot(0.1))
    report.close()
    said = out.getvalue()
    assert "It begins: [bold]no markup[/bold]." in said
    assert "says the [test]" in said
    assert "It ends." in said


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("out", [StringIO, Terminal])
def test_no_secret_is_said(out: type[StringIO], as_json: bool) -> None:
    stream = out()
    report = make_report(stream, Masker([Secret("hunter2hunter2"), Secret('quo"ted\\word')]), as_json=as_json)
    report.say("kept", 'a quo"ted\\word', error={"said": ['quo"ted\\word']})
    report.say("kept", "the address was http://hunter2hunter2@somewhere", error="hunter2hunter2")
    report.load("r1", snapshot(0.0, "hunter2hunter2"))
    report.close()
    assert "hunter2" not in stream.getvalue()
    assert "ted" not in stream.getvalue()


def test_told() -> None:
    measured = ClientMeasures(10.0, 20.0, 30.0, 40.0, 0.0, 1.0, 2.0, 0.3, Grade.OK)
    assert run_sentence(RUN) == "thing stage: the run was made."
    whole = replace(RUN, release="1.0", tally=Tally(5, 1, 6, 0), client=measured)
    assert run_sentence(whole) == "thing stage on 1.0: the run was made: 5 ok, 1 failed, 10 requests/s, median 20 ms."


def test_the_worst_exit_counts() -> None:
    assert ExitCode.worst([]) is ExitCode.FINE
    assert ExitCode.worst([ExitCode.FINE, ExitCode.UNDECIDED]) is ExitCode.UNDECIDED
    assert ExitCode.worst([ExitCode.UNDECIDED, ExitCode.REGRESSED, ExitCode.UNDELIVERED]) is ExitCode.REGRESSED
    assert ExitCode.worst([ExitCode.REGRESSED, ExitCode.FAILED]) is ExitCode.FAILED
