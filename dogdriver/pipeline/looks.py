"""Looks at a release, one after the other: what the judge says each time, and what of it stands."""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime

from dogdriver.model import Judged, OutboxMessage, Outcome, Project, Run, Scope, Standing
from dogdriver.pipeline.judge import Answer, Judge, judged_metrics
from dogdriver.pipeline.ports import Store
from dogdriver.verdict import announce

MOST_AGAIN = 20  # releases that are looked at again: as far back as a verdict reaches


AfterLook = Callable[[Scope, str, Sequence[Judged]], Awaitable[Sequence[OutboxMessage]]]
"""What follows from looking at a release again."""


class Looks:
    """Every look is kept, and the sequential rule (docs/verdict.md) says what stands after it."""

    def __init__(self, store: Store, told: AfterLook | None = None) -> None:
        self._told = told
        self._judge = Judge(store.series)
        self._verdicts = store.verdicts

    async def look(self, run: Run, project: Project | None, at: datetime) -> list[Judged]:
        """One more look at the release of *run*, at its metrics with a value that no look has seen; not kept yet."""
        release = run.known_release
        return [] if release is None else await self._look_at(run.scope, release, project, at, new=run)

    async def look_again(self, run: Run, project: Project | None, at: datetime) -> None:
        """After a run has come or changed: look again at its own release and at those after it, which rest on it."""
        judged = dict.fromkeys(one.release for one in await self._verdicts.newest(run.scope))
        own = run.known_release
        later = list(judged)[list(judged).index(own) + 1 :] if own in judged else list(judged)
        for release in dict.fromkeys([*([own] if own else []), *later[-MOST_AGAIN:]]):
            fresh = await self._look_at(run.scope, release, project, at, new=None)
            messages = await self._told(run.scope, release, fresh) if self._told else []
            await self._verdicts.save(fresh, messages)

    async def look_at_import(self, run: Run, project: Project | None, at: datetime, *, again: bool) -> None:
        """Look at the release of runs that were brought together, *run* the newest of them; *again*: values that looks
        have seen were changed.

        A metric that was never looked at is first judged without the release's newest run, so that what two looks in a
        row would have announced stands announced.
        """
        release = run.known_release
        if release is None:
            return
        if not again:
            before = await self._look_at(run.scope, release, project, at, new=run, until=run.started)
            await self._verdicts.save([one for one in before if one.look == 1])
        await self._verdicts.save(await self._look_at(run.scope, release, project, at, new=None if again else run))

    async def _look_at(
        self,
        scope: Scope,
        release: str,
        project: Project | None,
        at: datetime,
        *,
        new: Run | None,
        until: datetime | None = None,
    ) -> list[Judged]:
        earlier = {
            metric.name: await self._verdicts.looks(scope.key(metric.name), release)
            for metric in judged_metrics(project)
            if new is None or _has_value(new, metric.name)
        }
        fresh = {name for name, looks in earlier.items() if new is None or not _seen(new, looks)}
        if not fresh:
            return []
        bad = await self._known_bad(scope)
        answers = await self._judge.judge(scope, release, project, until=until, bad=bad)
        return [
            _judged(scope, name, release, answers[name], earlier[name], at)
            for name in sorted(fresh & answers.keys())
            if new is None or until is not None or answers[name].rests_on_run(new.id)
        ]

    async def _known_bad(self, scope: Scope) -> dict[str, set[str]]:
        """By metric, the releases whose regression stands announced."""
        bad: dict[str, set[str]] = {}
        for one in await self._verdicts.newest(scope):
            if one.standing is Standing.ANNOUNCED and one.standing_outcome is Outcome.REGRESSED:
                bad.setdefault(one.key.metric, set()).add(one.release)
        return bad


def _has_value(run: Run, metric: str) -> bool:
    value = run.metrics.get(metric)
    return value is not None and value.value is not None


def _seen(run: Run, looks: Sequence[Judged]) -> bool:
    return bool(looks) and run.id in looks[-1].inputs.get("runs", ())


def _judged(scope: Scope, metric: str, release: str, answer: Answer, earlier: Sequence[Judged], at: datetime) -> Judged:
    stands = announce([*(look.verdict for look in earlier), answer.verdict])
    return Judged(
        key=scope.key(metric),
        release=release,
        look=len(earlier) + 1,
        at=at,
        verdict=answer.verdict,
        standing=stands.standing,
        standing_outcome=stands.outcome,
        standing_reason=stands.reason,
        inputs=answer.inputs,
    )
