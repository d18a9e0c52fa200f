"""A run as its JSON document: what the API answers, what a client delivers, what an archive keeps."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any

from msgspec import Meta, Struct, to_builtins
from msgspec.structs import asdict

from dogdriver.model.fields import RAW, SERVER, Count, Moment, marked
from dogdriver.model.run import Run, Status
from dogdriver.model.verdict import EffectScale, Judged, Limit, Noise, Outcome, Reference, Standing, Step


@dataclass(frozen=True, slots=True)
class Needed:
    """So many more *runs* decide a verdict (None: nobody can say); by *at* the schedule has made them."""

    runs: int | None
    at: datetime | None


class VerdictDocument(Struct, frozen=True, kw_only=True):
    """What stands for one metric of one release, and the numbers of the newest look that it rests on.

    Effects are in `scale`: 0.05 of a ratio is +5 %. + means that the value went up, whichever direction is better.
    """

    metric: Annotated[str, Meta(description="its name")]
    decides: Annotated[bool, Meta(description="whether the headline rests on it")]
    outcome: Annotated[
        Outcome,
        Meta(description="what stands: `regressed`, `improved`, `unchanged`, `undecided`, `too_few_runs`"),
    ]
    effect: Annotated[float | None, Meta(description="against the baseline")]
    low: Annotated[float | None, Meta(description="of the effect's interval")]
    high: Annotated[float | None, Meta(description="of the effect's interval")]
    runs: Annotated[Count, Meta(description="of the release that were compared")]
    baseline_runs: Annotated[Count, Meta(description="that they were compared with")]
    baseline_releases: Annotated[tuple[str, ...], Meta(description="the releases of these")]
    runs_needed: Annotated[Count | None, Meta(description="how many more runs would decide it")]
    needed: Annotated[
        Needed,
        Meta(
            description="`{runs, at}`: how many more runs would decide it (also one that has to agree), and by when "
            "they will have been read; `at` is null where no schedule makes them"
        ),
    ]
    smallest_visible: Annotated[float | None, Meta(description="the smallest effect that these runs would show")]
    p: Annotated[float | None, Meta(description="the probability of such a difference where there is none")]
    margin: Annotated[float, Meta(description="the effect that matters")]
    noise: Annotated[Noise, Meta(description="what runs of one release scatter by")]
    method: Annotated[str, Meta(description="of the comparison")]
    seed: Annotated[int, Meta(description="of its random numbers")]
    reason: Annotated[str, Meta(description="why, as a sentence")]
    before: Annotated[float | None, Meta(description="the level before, in the metric's unit")]
    after: Annotated[float | None, Meta(description="the level with the release, in the metric's unit")]
    scale: Annotated[
        EffectScale,
        Meta(
            description="what effects are counted in: `ratio` (0.05 is +5 %), `difference` (the metric's unit), "
            "`failures` (0.05 is 5 % more failures)"
        ),
    ]
    limit: Annotated[
        Limit | None,
        Meta(
            description="the one cause that keeps it from being decided: `few_runs`, `few_earlier`, `scatter`, "
            "`between_releases`, `autocorrelation`, `near_margin`, `step`, `not_comparable`"
        ),
    ]
    references: Annotated[
        tuple[Reference, ...],
        Meta(description="what it is against the last good release, the previous or a pinned one"),
    ]
    recovered: Annotated[bool, Meta(description="better than the previous release, which was worse than the last good")]
    step: Annotated[Step | None, Meta(description="of the level inside the release")]
    state: Annotated[Standing, Meta(description="how firmly it stands: `provisional`, `announced`, `withdrawn`")]
    look: Annotated[Count, Meta(description="the number of the newest look at this release")]
    at: Annotated[Moment, Meta(description="when that was")]


class RunDocument(Run, frozen=True, kw_only=True):
    """A run, with what a daemon knows of it at the moment."""

    progress: Annotated[float | None, Meta(description="of a running load, 0 to 1"), SERVER] = None
    verdicts: Annotated[tuple[VerdictDocument, ...], Meta(description="on its release"), SERVER] = ()


def run_document(
    run: Run, *, progress: float | None = None, verdicts: Iterable[VerdictDocument] = (), full: bool = False
) -> dict[str, Any]:
    """The run as JSON values: times RFC 3339 in UTC, absent values null.

    *progress* is a running load's, 0..1. With *full* it holds the latency histogram and the raw Datadog series, too:
    `parse.run_from_document` of it is the run again.
    """
    if run.status in {Status.PENDING, Status.DONE}:
        progress = 1.0
    document = RunDocument(**asdict(run), progress=progress, verdicts=tuple(verdicts))
    plain: dict[str, Any] = to_builtins(document)
    if not full:
        _leave_out_raw(plain, document)
    return plain


def verdict_document(judged: Judged, *, decides: bool, needed: Needed) -> VerdictDocument:
    """What *judged* says, with what is known beside it."""
    verdict = judged.verdict
    common = {name: getattr(verdict, name) for name in VerdictDocument.__struct_fields__ if hasattr(verdict, name)}
    stands = {
        "metric": judged.key.metric,
        "decides": decides,
        "needed": needed,
        "outcome": judged.standing_outcome,
        "reason": judged.reason,
        "state": judged.standing,
        "look": judged.look,
        "at": judged.at,
    }
    return VerdictDocument(**common | stands)


def moment(at: datetime | None) -> str | None:
    """RFC 3339 in UTC, with a Z."""
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def _leave_out_raw(plain: dict[str, Any], value: object) -> None:
    """Take out of *plain*, which is *value* as JSON values, the fields that are marked so."""
    if isinstance(value, Struct):
        for name in marked(type(value), RAW):
            del plain[name]
    for name, inner in plain.items():
        if isinstance(inner, dict):
            _leave_out_raw(inner, value[name] if isinstance(value, Mapping) else getattr(value, name))
