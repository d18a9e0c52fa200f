"""A release as it is judged: its verdicts, its headline, what it is compared with."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from operator import attrgetter
from typing import Any

from dogdriver.errors import NotFound
from dogdriver.model import CALLED, UNANNOUNCED, Headline, Judged, Run, Scope, Standing, Stay, Summary
from dogdriver.model.document import VerdictDocument, moment
from dogdriver.pipeline.judge import Judge, false_alarms
from dogdriver.reports.kept import Kept
from dogdriver.reports.needed import Due, Timetable, described, due_in, never
from dogdriver.reports.ports import Store
from dogdriver.reports.scope import Selection, Selections
from dogdriver.verdict import About, FalseAlarms, standing

NAMED = 5  # releases that an error offers
NO_HALVES = FalseAlarms(0, 0, 0)


@dataclass(frozen=True, slots=True)
class ReleaseView:
    """The newest (or wanted) *release* of a selection: its verdicts and their *summary*, None without any.

    *titled_summary* is the same for people: with the metrics' titles in the place of their names. *baseline* is the
    release that it is compared with: the *pinned* one, else the newest of those that the verdicts rest on (*baselines*,
    in the order in which they were seen). *stay*: which time it is that the release runs there. *releases* are all
    that can be asked for, *newest* the one that is meant where none is named, *current* the one that runs now, and
    *waiting* that one where nothing of it has been judged, with its *waiting_runs* so far.
    *deciding* are the metrics that the headline rests on, *due* says by when more runs will have been read.
    *false_alarms*: how often halves of one release were called different, of all *releases*.
    """

    release: str | None = None
    baseline: str | None = None
    pinned: bool = False
    summary: Summary | None = None
    titled_summary: Summary | None = None
    verdicts: tuple[Judged, ...] = ()
    baselines: tuple[str, ...] = ()
    releases: tuple[str, ...] = ()
    newest: str | None = None
    current: str | None = None
    waiting: Stay | None = None
    waiting_runs: int = 0
    stay: int | None = None
    false_alarms: FalseAlarms = NO_HALVES
    deciding: frozenset[str] = frozenset()
    due: Due = never

    @property
    def attention(self) -> bool:
        """Whether something is worse."""
        return self.summary is not None and self.summary.attention

    @property
    def announced(self) -> bool:
        """Whether the headline stands, so that it is told."""
        firm = self.summary is not None and self.summary.headline not in UNANNOUNCED
        return firm and any(one.standing is Standing.ANNOUNCED for one in self.verdicts)

    def document(self) -> dict[str, Any]:
        """The headline, and what belongs to it."""
        return {"release": self.release, "stay": self.stay, "baseline": self.baseline, **_headline(self.summary)}

    def verdict_documents(self) -> list[VerdictDocument]:
        """One for each metric."""
        return [described(one, self.deciding, self.due) for one in self.verdicts]


class Releases:
    """Reads what stands, and asks the judge where a baseline is pinned."""

    def __init__(self, store: Store, judge: Judge, timetable: Timetable | None = None) -> None:
        self._store, self._judge, self._timetable = store, judge, timetable
        self._pairs = Kept()

    async def view(self, selection: Selection, release: str | None = None, baseline: str | None = None) -> ReleaseView:
        """The verdicts of *release*: of its newest stay, LABEL@2 is its second one. Left out: of the one that runs now,
        else the newest judged one. Raises NotFound for one that was not seen here.
        """
        if selection.scope is None:
            _stay("release", release, (), ())
            return ReleaseView()
        kept = await self._store.verdicts.newest(selection.scope)
        stays = await self._store.releases.seen(selection.scope.project, selection.scope.deployment)
        known = tuple(dict.fromkeys([*(stay.name for stay in stays), *(one.release for one in kept)]))
        release, baseline = _stay("release", release, stays, known), _stay("baseline", baseline, stays, known)
        there = max(stays, key=attrgetter("last", "first"), default=None)
        current = there.name if there else None
        judged_names = {one.release for one in kept}
        newest_judged = current if current in judged_names or not kept else kept[-1].release
        waiting = there if current not in judged_names else None
        runs = await self._store.releases.counts(selection.scope) if waiting else {}
        wanted = release or newest_judged
        judged: Iterable[Judged] = [one for one in kept if one.release == wanted]
        if baseline is not None and wanted is not None:
            judged = await self._against(baseline, selection, selection.scope, wanted, kept)
        verdicts = _in_order(judged, selection)
        about = self._about(selection, selection.scope, kept)
        used = _good_for_all(verdicts, about.deciding or ())
        baselines = tuple(label for label in known if label in used)
        return ReleaseView(
            release=wanted,
            baseline=baseline or (baselines[-1] if baselines else None),
            pinned=baseline is not None,
            summary=standing(verdicts, replace(about, names={})),
            titled_summary=standing(verdicts, about),
            verdicts=verdicts,
            baselines=baselines,
            releases=known,
            newest=newest_judged,
            current=current,
            waiting=waiting,
            waiting_runs=runs.get(waiting.name, 0) if waiting else 0,
            stay=next((stay.number for stay in stays if stay.name == wanted), 1 if wanted else None),
            false_alarms=false_alarms(kept),
            deciding=frozenset(about.deciding or ()),
            due=about.due,
        )

    async def ladder(self, selection: Selection) -> list[dict[str, Any]]:
        """The documents of all stays, newest first, each with its headline and the metric that leads it."""
        if selection.scope is None:
            return []
        scope = selection.scope
        kept = await self._store.verdicts.newest(scope)
        stays = await self._store.releases.seen(scope.project, scope.deployment)
        counts = await self._store.releases.counts(scope)
        about = self._about(selection, scope, kept)
        current = max(stays, key=attrgetter("last", "first"), default=None)
        by_release: dict[str, list[Judged]] = {}
        for one in kept:
            by_release.setdefault(one.release, []).append(one)
        rows = []
        for stay in reversed(stays):
            judged = by_release.get(stay.name, [])
            summary = standing(judged, replace(about, names={}))
            rows.append(
                {
                    "release": stay.release.label,
                    "stay": stay.number,
                    "version": stay.release.version,
                    "commit": stay.release.commit,
                    "source_url": None,
                    "first_seen": moment(stay.first),
                    "last_seen": moment(stay.last),
                    "current": stay is current,
                    "runs": counts.get(stay.name, 0),
                    "headline": summary.headline.value if summary else None,
                    "leading": _leading(judged, about.deciding),
                    "triage": None,
                }
            )
        return rows

    async def of_runs(self, selections: Selections, runs: Iterable[Run]) -> list[ReleaseView]:
        """The release of each of *runs*, as far as it was judged from the source of that run."""
        kept: dict[Scope, Sequence[Judged]] = {}
        chosen: dict[str, Selection] = {}
        views: dict[tuple[Scope, str | None], ReleaseView] = {}
        found = []
        for run in runs:
            scope = run.scope
            if scope not in kept:
                kept[scope] = await self._store.verdicts.newest(scope)
            if scope.project not in chosen:
                chosen[scope.project] = await selections.find(scope.project)
            if (scope, run.release_name) not in views:
                views[scope, run.release_name] = self._of_run(chosen[scope.project], run, kept[scope])
            found.append(views[scope, run.release_name])
        return found

    def _of_run(self, selection: Selection, run: Run, kept: Sequence[Judged]) -> ReleaseView:
        verdicts = tuple(one for one in kept if one.release == run.release_name)
        about = self._about(selection, run.scope, kept)
        return ReleaseView(
            release=run.release,
            summary=standing(verdicts, replace(about, names={})),
            titled_summary=standing(verdicts, about),
            verdicts=verdicts,
            deciding=frozenset(about.deciding or ()),
            due=about.due,
        )

    def _about(self, selection: Selection, scope: Scope, kept: Sequence[Judged]) -> About:
        """*kept* are the newest looks at all releases of *scope*."""
        own = selection.entry.metrics if selection.entry else ()
        about = About.of(selection.metrics, own, {one.key.metric for one in kept})
        return replace(about, due=due_in(scope, self._timetable))

    async def votes(self, selection: Selection, view: ReleaseView) -> Sequence[tuple[str, Headline]]:
        """What each source that has judged the release of *view* says of it, against the same baseline."""
        votes: list[tuple[str, Headline]] = []
        for source in selection.sources:
            summary = view.summary if source == selection.source else await self._summary(selection, source, view)
            if summary is not None:
                votes.append((source, summary.headline))
        return votes

    async def _summary(self, selection: Selection, source: str, view: ReleaseView) -> Summary | None:
        """Of the release of *view*, loaded from another *source*, against the baseline of *view*."""
        scope = selection.scope_from(source)
        if scope is None or view.release is None:
            return None
        kept = await self._store.verdicts.newest(scope)
        about = self._about(selection, scope, kept)
        if view.pinned and view.baseline is not None:
            return standing(await self._against(view.baseline, selection, scope, view.release, kept), about)
        return standing((one for one in kept if one.release == view.release), about)

    async def _against(
        self, baseline: str, selection: Selection, scope: Scope, release: str, kept: Sequence[Judged]
    ) -> Sequence[Judged]:
        """By all metrics that *release* was judged by, those that the catalog has no more among them."""
        judged = {one.key.metric for one in kept if one.release == release}
        gone = [metric for metric in selection.metrics if metric.name in judged]
        edition = await self._store.cards.edition(scope.project)
        ask = partial(self._judge.against, scope, release, selection.entry, baseline, others=gone)
        return await self._pairs.get((scope, release, baseline), (edition, selection.entry, gone), ask)


def _good_for_all(verdicts: Iterable[Judged], deciding: Collection[str]) -> frozenset[str]:
    """The releases that the headline is against: what all deciding metrics are compared with, for a release that was
    worse by one of them is no good one; where there is none, what any metric is.
    """
    named = [(one.key.metric in deciding, frozenset(one.verdict.baseline_releases)) for one in verdicts]
    decide = [releases for decides, releases in named if decides and releases]
    common = frozenset.intersection(*decide) if decide else frozenset()
    return common or frozenset[str]().union(*(releases for _, releases in named))


def _headline(summary: Summary | None) -> dict[str, Any]:
    """The fields of a headline's document; those that are not known are null."""
    step = summary.step if summary else None
    return {
        "headline": summary.headline.value if summary else None,
        "sentence": summary.sentence if summary else None,
        "step": {"at": moment(step.at), "run": step.run, "metric": step.metric, "effect": step.effect}
        if step
        else None,
        "judged": summary.judged if summary else 0,
        "of": summary.of if summary else 0,
        "reasons": [{"metric": one.metric, "reason": one.reason} for one in summary.reasons] if summary else [],
    }


def _leading(judged: Iterable[Judged], deciding: Collection[str] | None) -> dict[str, Any] | None:
    """The deciding metric that differs the most, a difference that stands before any that does not."""
    effects = [
        (one.standing_outcome in CALLED, abs(one.verdict.effect), one)
        for one in judged
        if one.verdict.effect is not None and (deciding is None or one.key.metric in deciding)
    ]
    if not effects:
        return None
    _, _, lead = max(effects, key=lambda found: found[:2])
    verdict = lead.verdict
    return {"metric": lead.key.metric, "effect": verdict.effect, "low": verdict.low, "high": verdict.high}


def _stay(kind: str, wanted: str | None, stays: Sequence[Stay], known: Sequence[str]) -> str | None:
    """The name of the stay that is meant by a label, or by LABEL@NUMBER."""
    if wanted is None:
        return None
    numbered = {f"{stay.release.label}@{stay.number}": stay.name for stay in stays}
    newest = {stay.release.label: stay.name for stay in stays}
    found = newest.get(wanted) or numbered.get(wanted) or (wanted if wanted in known else None)
    if found is None:
        offered = ", ".join(known[-NAMED:]) or "none yet"
        raise NotFound(f"there is no {kind} {wanted} here; the newest are {offered}", code=f"{kind}_not_seen")
    return found


def _in_order(judged: Iterable[Judged], selection: Selection) -> tuple[Judged, ...]:
    """As the metrics stand on the page."""
    order: Mapping[str, int] = {metric.name: place for place, metric in enumerate(selection.metrics)}
    return tuple(sorted(judged, key=lambda one: order.get(one.key.metric, len(order))))
