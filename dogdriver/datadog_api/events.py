"""What Datadog is told of a run: one event at its start, one at its stop, and one with the verdict on a release.

A pair has the run's id as its aggregation key. Only the pair carries `step:`.
"""

import hashlib
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from dogdriver.metrics import tags
from dogdriver.model import UNKNOWN, Headline, Run, Status

LONGEST_TITLE = 500
LONGEST_TEXT = 4000
LONGEST_KEY = 100
SOURCE_TYPE = "my_apps"
START, STOP = "start", "stop"

_OPEN, _CLOSE = "%%% \n", "\n %%%"
_TONES = {
    Headline.SLOWER: "warning",
    Headline.MIXED: "warning",
    Headline.FASTER: "success",
    Headline.NO_CHANGE: "success",
    Headline.UNDECIDED: "info",
}


def run_tags(run: Run) -> dict[str, str]:
    """What everything about *run* in Datadog is tagged with."""
    return {
        "project": run.project,
        "env": run.deployment,
        "service": run.project,
        "version": _release(run),
        "dogdriver_source": run.source,
    }


def step(run: Run, which: str, *, at: datetime, link: str | None) -> dict[str, Any]:
    """The body of POST /api/v1/events for the start or the stop of *run*. *which* is `start` or `stop`."""
    if which not in {START, STOP}:
        raise ValueError(f"{which!r} is no step of a run; use start or stop")
    ended_badly = which == STOP and (run.reason is not None or run.status in _BAD)
    words = "started" if which == START else "failed" if ended_badly else "finished"
    return _event(
        title=f"Load test {words}: {run.project} {_release(run)} ({run.deployment})",
        lines=_start_lines(run) if which == START else _stop_lines(run),
        link=link,
        at=at,
        tone="info" if which == START else "error" if ended_badly else "success",
        key=run.id,
        tagged={**run_tags(run), "run_id": run.id, "step": which},
    )


def verdict(run: Run, headline: Headline, *, at: datetime, link: str | None) -> dict[str, Any]:
    """The body of the event that says what became of the release of *run*; one for each release, without `step:`."""
    return _event(
        title=f"{_spoken(headline)}: {run.project} {_release(run)} ({run.deployment})",
        lines=[headline.sentence or _spoken(headline)],
        link=link,
        at=at,
        tone=_TONES[headline],
        key=f"verdict:{run.project}:{run.deployment}:{_release(run)}",
        tagged={**run_tags(run), "headline": str(headline)},
    )


_BAD = frozenset({Status.FAILED, Status.ABORTED, Status.INVALID})


def _event(
    *, title: str, lines: list[str], link: str | None, at: datetime, tone: str, key: str, tagged: Mapping[str, str]
) -> dict[str, Any]:
    foot = f"\n\n[The run in dogDriver]({link})" if link else ""
    room = LONGEST_TEXT - len(_OPEN) - len(_CLOSE)
    if len(foot) > room:
        foot = ""
    # The markers inside would end the markdown early.
    body = _bounded("\n\n".join(lines).replace("%%%", "%"), room - len(foot))
    return {
        "title": _bounded(" ".join(title.split()), LONGEST_TITLE),
        "text": f"{_OPEN}{body}{foot}{_CLOSE}",
        "date_happened": int(at.timestamp()),
        "alert_type": tone,
        "aggregation_key": _key(key),
        "source_type_name": SOURCE_TYPE,
        "tags": tags.listed(tagged),
    }


def _start_lines(run: Run) -> list[str]:
    lines = [f"**Release** {_release(run)} · **test** {run.test} · **source** {run.source}"]
    if run.endpoint:
        lines.append(f"**Endpoint** {run.endpoint}")
    if run.load:
        lines.append(_load(run))
    return lines


def _stop_lines(run: Run) -> list[str]:
    lines = _start_lines(run)
    if run.window:
        lines.append(
            f"**Load** from {run.window.start:%H:%M:%S} to {run.window.end:%H:%M:%S} UTC, {run.window.seconds:.0f} s"
        )
    if run.tally:
        lines.append(
            f"**Scenarios** {run.tally.ok} ok, {run.tally.failed} failed · "
            f"**requests** {run.tally.requests}, {run.tally.errors} errors"
        )
    if run.client and run.client.rps is not None:
        latency = "" if run.client.p50 is None else f" · **median latency** {run.client.p50:.4g} ms"
        lines.append(f"**Rate** {run.client.rps:.4g}/s{latency} (as seen by the load generator)")
    if run.reason:
        lines.append(f"**Reason** {run.reason}")
    return lines


def _load(run: Run) -> str:
    if run.load is None:
        return ""
    processes = f" in {run.load.processes} processes" if run.load.processes > 1 else ""
    return f"**Workers** {run.load.workers}{processes} for {run.load.duration:g} s"


def _release(run: Run) -> str:
    return run.release.label if run.release else UNKNOWN


def _spoken(headline: Headline) -> str:
    return {
        Headline.SLOWER: "Slower",
        Headline.FASTER: "Faster",
        Headline.MIXED: "Some slower, some faster",
        Headline.NO_CHANGE: "No change",
        Headline.UNDECIDED: "Can't tell yet",
    }[headline]


def _bounded(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _key(text: str) -> str:
    if len(text) <= LONGEST_KEY:
        return text
    return f"{text[: LONGEST_KEY - 17]}:{hashlib.sha256(text.encode()).hexdigest()[:16]}"
