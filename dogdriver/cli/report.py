"""What a client says while it works: a bar on a terminal, plain lines in a log, JSON lines for machines."""

import json
from collections.abc import Callable, Mapping
from typing import Any, Protocol, TextIO

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from dogdriver.model import Phase, Run, Snapshot

STEPS = 10  # of a load's progress that a plain log gets a line for, and one for its end
Mask = Callable[[str], str]


class Report(Protocol):
    """Hears of everything, in the order in which it happens. *details* are JSON values."""

    def say(self, event: str, sentence: str, /, **details: Any) -> None:
        """Something happened; the events are listed in docs/client.md."""

    def load(self, run: str, snapshot: Snapshot, /) -> None:
        """How far the load has come."""

    def close(self) -> None: ...


class LineReport:
    """Sentences on *out*; of the load a line for each tenth, and what the test itself says."""

    def __init__(self, out: TextIO, mask: Mask) -> None:
        self._out, self._mask = out, mask
        self._step = -1

    def say(self, _event: str, sentence: str, /, **_details: Any) -> None:
        self._step = -1
        self._print(sentence)

    def load(self, _run: str, snapshot: Snapshot, /) -> None:
        for line in snapshot.lines:
            self._print(f"  | {line}")
        step = int(round(snapshot.progress * STEPS, 6))
        if step > self._step and snapshot.state is Phase.LOADING:
            self._step = step
            self._print(f"  {snapshot.progress:4.0%}  {_figures(snapshot)}")

    def close(self) -> None:
        return

    def _print(self, text: str) -> None:
        print(self._mask(text), file=self._out, flush=True)


class BarReport:
    """A bar that moves on a terminal, with the sentences above it."""

    def __init__(self, out: TextIO, mask: Mask) -> None:
        self._mask = mask
        self._console = Console(file=out, highlight=False)
        # Drawn when there is something new, without a thread of its own that a load would be blamed for.
        self._progress = Progress(
            TextColumn("{task.description}"), BarColumn(), TextColumn("{task.percentage:>3.0f}%"), TimeElapsedColumn(),
            TextColumn("{task.fields[figures]}"), console=self._console, transient=True,
            auto_refresh=False, redirect_stdout=False, redirect_stderr=False,
        )  # fmt: skip
        self._task: TaskID | None = None

    def say(self, _event: str, sentence: str, /, **_details: Any) -> None:
        self._end_bar()
        self._console.print(escape(self._mask(sentence)), soft_wrap=True)

    def load(self, _run: str, snapshot: Snapshot, /) -> None:
        if self._task is None:
            self._progress.start()
            self._task = self._progress.add_task(snapshot.state, total=1.0, figures="")
        for line in snapshot.lines:
            self._console.print(f"  | {escape(self._mask(line))}", style="dim", soft_wrap=True)
        self._progress.update(
            self._task, completed=snapshot.progress, description=snapshot.state, figures=_figures(snapshot),
            refresh=True,
        )  # fmt: skip

    def close(self) -> None:
        self._end_bar()

    def _end_bar(self) -> None:
        if self._task is not None:
            self._progress.remove_task(self._task)
            self._task = None
            self._progress.stop()


class JsonReport:
    """`{"event", "message", …}`, one a line; a load says `{"event": "progress", "run", …}` once a second."""

    def __init__(self, out: TextIO, mask: Mask) -> None:
        self._out, self._mask = out, mask

    def say(self, event: str, sentence: str, /, **details: Any) -> None:
        self._print({"event": event, "message": sentence, **details})

    def load(self, run: str, snapshot: Snapshot, /) -> None:
        figures: Mapping[str, Any] = msgspec.to_builtins(snapshot)
        self._print({"event": "progress", "run": run, **figures})

    def close(self) -> None:
        return

    def _print(self, document: Mapping[str, Any]) -> None:
        print(json.dumps(_masked(document, self._mask), ensure_ascii=False), file=self._out, flush=True)


def make_report(out: TextIO, mask: Mask, *, as_json: bool) -> Report:
    """The way to report that suits where it goes."""
    if as_json:
        return JsonReport(out, mask)
    return BarReport(out, mask) if out.isatty() else LineReport(out, mask)


def run_sentence(run: Run) -> str:
    """What came of a run, in a sentence."""
    release = f" on {run.release_name}" if run.release else ""
    head = f"{run.project} {run.deployment}{release}: the run {run.status if run.status.final else 'was made'}"
    if run.reason:
        return f"{head}: {run.reason}"
    if run.tally is None or run.client is None:
        return f"{head}."
    rate = "" if run.client.rps is None else f", {run.client.rps:.4g} requests/s"
    p50 = "" if run.client.p50 is None else f", median {run.client.p50:.4g} ms"
    return f"{head}: {run.tally.ok} ok, {run.tally.failed} failed{rate}{p50}."


def _masked(value: Any, mask: Mask) -> Any:
    """Before it is JSON, which writes some letters in another way."""
    if isinstance(value, str):
        return mask(value)
    if isinstance(value, Mapping):
        return {name: _masked(one, mask) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_masked(one, mask) for one in value]
    return value


def _figures(snapshot: Snapshot) -> str:
    rate = "" if snapshot.rps is None else f"{snapshot.rps:.4g}/s, "
    p50 = "" if snapshot.p50 is None else f"median {snapshot.p50:.4g} ms, "
    return f"{rate}{p50}{snapshot.ok} ok, {snapshot.failed} failed"
