"""Looks at a release, one after the other: what the judge says each time, and what of it stands."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from functools import partial
from typing import Any

from dogdriver.model import Judged, OutboxMessage, Outcome, Project, Run, Scope, Standing
from dogdriver.model.card import Edition, ScopeCards
from dogdriver.pipeline.cards import CardMaker, Compute
from dogdriver.pipeline.judge import Answer, Judge, judged_metrics
from dogdriver.pipeline.ports import Store
from dogdriver.verdict import announce

MOST_AGAIN = 20  # releases that are looked at again: as far back as a verdict reaches
MOST_TRIES = 5  # looks at what changes meanwhile; after them what was true a moment ago is kept


AfterLook = Callable[[Scope, str, Sequence[Judged]], Awaitable[Sequence[OutboxMessage]]]
"""What follows from looking at a release again."""


class Looks:
    """Every look is kept, and the sequential rule (docs/verdict.md) says what stands after it.

    A look is made of one edition of what is kept, outside of the loop (*compute*), and kept with the cards that follow
    from it if that edition is still the newest, else made again. *turn*: one at a time, for there is one process that
    computes.
    """

    def __init__(
        self,
        store: Store,
        compute: Compute = asyncio.to_thread,
        turn: asyncio.Lock | None = None,
        *,
        told: AfterLook | None = None,
    ) -> None:
        self._told = told
        self._judge = Judge(store.series, compute)
        self._maker = CardMaker(store.series, store.values, compute)
        self._verdicts = store.verdicts
        self._cards = store.cards
        self.turn = turn or asyncio.Lock()

    async def editions(self, project: str) -> AsyncIterator[Edition | None]:
        """Of each a look can be made, until one was kept; the last is None: whatever has changed since."""
        for _ in range(MOST_TRIES):
            yield await self._cards.edition(project)
        yield None

    async def cards(self, scope: Scope, project: Project | None) -> ScopeCards:
        """What is shown of all series of *scope*."""
        return await self._maker.make(scope, project)

    async def show(self, scope: Scope, project: Project | None) -> None:
        """Make the cards of *scope*, and nothing else."""
        async with self.turn:
            async for edition in self.editions(scope.project):
                if await self._verdicts.save((), of=edition, shown=await self.cards(scope, project)):
                    return

    async def _keep(
        self,
        scope: Scope,
        project: Project | None,
        look: Callable[[], Awaitable[list[Judged]]],
        *,
        show: bool,
        told: str | None = None,
    ) -> None:
        """Keep a look, what is shown with it (*show*), and what follows for the release *told*."""
        async with self.turn:
            async for edition in self.editions(scope.project):
                judged = await look()
                messages = await self._told(scope, told, judged) if self._told and told is not None else ()
                shown = await self.cards(scope, project) if show else None
                if await self._verdicts.save(judged, messages, of=edition, shown=shown):
                    return

    async def look(self, run: Run, project: Project | None, at: datetime) -> list[Judged]:
        """One more look at the release of *run*, at its metrics with a value that no look has seen; not kept yet."""
        release = run.known_release
        return [] if release is None else await self._look_at(run.scope, release, project, at, new=run)

    async def look_again(self, run: Run, project: Project | None, at: datetime) -> None:
        """After a run has come or changed: look again at its own release and at those after it, which rest on it."""
        judged = dict.fromkeys(one.release for one in await self._verdicts.newest(run.scope))
        own = run.known_release
        later = list(judged)[list(judged).index(own) + 1 :] if own in judged else list(judged)
        for place, release in enumerate(dict.fromkeys([*([own] if own else []), *later[-MOST_AGAIN:]])):
            look = partial(self._look_at, run.scope, release, project, at, new=None)
            await self._keep(run.scope, project, look, show=place == 0, told=release)

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
            before = partial(self._first_look, run.scope, release, project, at, new=run, until=run.started)
            await self._keep(run.scope, project, before, show=False)
        look = partial(self._look_at, run.scope, release, project, at, new=None if again else run)
        await self._keep(run.scope, project, look, show=True)

    async def _first_look(self, *args: Any, **kwargs: Any) -> list[Judged]:
        """Of metrics that were never looked at."""
        return [one for one in await self._look_at(*args, **kwargs) if one.look == 1]

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
