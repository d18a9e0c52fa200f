"""A run as its JSON document: what the API answers, what a client delivers, what an archive keeps."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

import msgspec

from dogdriver.model.run import Run, Status
from dogdriver.model.verdict import Judged


def run_document(
    run: Run, *, progress: float | None = None, verdicts: Iterable[Judged] = (), full: bool = False
) -> dict[str, Any]:
    """The run as JSON values: times RFC 3339 in UTC, absent values null.

    *progress* is a running load's, 0..1. With *full* it holds the latency histogram and the raw Datadog series, too:
    `received.run_from_document` of it is the run again.
    """
    if run.status in {Status.PENDING, Status.DONE}:
        progress = 1.0
    return {
        "id": run.id,
        "project": run.project,
        "deployment": run.deployment,
        "endpoint": run.endpoint,
        "test": run.test,
        "source": run.source,
        "release": run.release,
        "version": run.version,
        "commit": run.commit,
        "status": run.status.value,
        "reason": run.reason,
        "trigger": run.trigger.value,
        "created": moment(run.created),
        "started": moment(run.started),
        "ended": moment(run.ended),
        "due": moment(run.due),
        "attempts": run.attempts,
        "progress": progress,
        "load": msgspec.to_builtins(run.load),
        "content": run.content,
        "test_commit": run.test_commit,
        "fingerprint": run.fingerprint,
        "kinds": run.kinds,
        "tally": msgspec.to_builtins(run.tally),
        "client": _without(run.client, "histogram", full=full),
        "metrics": {name: _without(value, "reading", full=full) for name, value in run.metrics.items()},
        "verdicts": [verdict_document(judged) for judged in verdicts],
        "excluded": run.excluded,
        "notes": list(run.notes),
        "links": dict(run.links),
    }


def verdict_document(judged: Judged) -> dict[str, Any]:
    """What stands for one metric of one release, and the numbers of the newest look that it rests on."""
    verdict = judged.verdict
    return {
        "metric": judged.key.metric,
        "outcome": judged.standing_outcome.value,
        "effect": verdict.effect,
        "low": verdict.low,
        "high": verdict.high,
        "runs": verdict.runs,
        "baseline_runs": verdict.baseline_runs,
        "baseline_releases": list(verdict.baseline_releases),
        "runs_needed": verdict.runs_needed,
        "smallest_visible": verdict.smallest_visible,
        "p": verdict.p,
        "margin": verdict.margin,
        "noise": msgspec.to_builtins(verdict.noise),
        "method": verdict.method,
        "seed": verdict.seed,
        "reason": judged.reason,
        "state": judged.standing.value,
        "look": judged.look,
        "at": moment(judged.at),
    }


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, with a Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _without(value: Any, field: str, *, full: bool) -> Any:
    plain = msgspec.to_builtins(value)
    if plain is not None and not full:
        del plain[field]
    return plain
