"""What is told of a release, once: its headline, as soon as a run is done and something of it stands announced.

Told is what has a message in the outbox, sent or not. What was announced elsewhere and came in with its history
(an export, the bucket) gets such a message without being sent, so that nothing is told anew.
"""

from collections.abc import Iterable, Sequence

from dogdriver.model import (
    UNANNOUNCED,
    Headline,
    Judged,
    MessageKind,
    MessageState,
    OutboxMessage,
    Run,
    Scope,
    Standing,
    Status,
    Summary,
)
from dogdriver.model.state import IMPORTED, NOTICED
from dogdriver.pipeline.context import Context
from dogdriver.pipeline.judge import judged_metrics
from dogdriver.pipeline.notices import Notices
from dogdriver.verdict import About, standing
from dogdriver.verdict.headline import WORSE


class Announcements:
    """Verdict events, each headline of a release once; and notices, whenever what stands has changed."""

    def __init__(self, context: Context) -> None:
        self._context, self._store = context, context.store
        self._notices = Notices(context)

    async def message(self, run: Run, fresh: Sequence[Judged]) -> OutboxMessage | None:
        """What is to be told of the release of *run* with the looks just made (*fresh*); None: nothing of it stands."""
        if run.known_release is None:
            return None
        judged, about = await self._newest(run.scope, run.known_release, fresh)
        summary = announced(judged, about)
        if summary is None:
            return None
        at, link = self._context.clock(), self._context.link(run.id)
        payload = self._context.datadog.verdict_event(run, summary, at=at, link=link)
        return self._context.message(MessageKind.EVENT, _key(run.scope, run.known_release, summary), run, payload)

    async def notice(self, run: Run, fresh: Sequence[Judged]) -> OutboxMessage | None:
        """What people are told now that *run* is done; None: nothing that they do not know."""
        scope, release = run.scope, run.known_release
        if release is None or not self._notices.tells(scope.source):
            return None
        judged, about = await self._newest(scope, release, fresh)
        summary = announced(judged, about)
        known = False
        if summary is not None:
            key = _key(scope, release, summary)
            event = await self._store.outbox.last(MessageKind.EVENT, key)
            known = event is not None and event.key == key
        return await self._notices.message(scope, release, judged, summary, about, run, known=known)

    async def after_another_look(self, scope: Scope, release: str, fresh: Sequence[Judged]) -> list[OutboxMessage]:
        """What is to be told of *release* because it was looked at again: a run was excluded, or its values changed."""
        if not self._notices.tells(scope.source):
            return []
        judged, about = await self._newest(scope, release, fresh)
        pending = await self._pending()
        if not judged or any(not pending.isdisjoint(one.inputs.get("runs", ())) for one in judged):
            return []  # told when that run is done
        notice = await self._notices.message(scope, release, judged, announced(judged, about), about, None)
        return [notice] if notice else []

    async def count_as_told_after_upgrade(self) -> None:
        """At the first start with notices: what stands is known to those whom it concerns."""
        if await self._store.state.get(NOTICED):
            return
        for known in await self._store.runs.known():
            await self.count_as_told(Scope(known.project, known.deployment, known.test, known.source))
        await self._store.state.set(NOTICED, value=True)

    async def count_imported_as_told(self) -> None:
        """After a start: what an import has brought of this source was told when it was new. Others' is never told."""
        if await self._store.state.get(IMPORTED):
            for known in await self._store.runs.known():
                if known.source == self._context.source:
                    await self.count_as_told(Scope(known.project, known.deployment, known.test, known.source))
            await self._store.state.set(IMPORTED, value=False)

    async def count_as_told(self, scope: Scope, releases: Iterable[str] | None = None) -> None:
        """What stands announced of *releases* (all of the scope) counts as told.

        Left out is what rests on a run that is pending: it is told when that run is done.
        """
        pending = await self._pending()
        by_release: dict[str, list[Judged]] = {}
        for one in await self._store.verdicts.newest(scope):
            by_release.setdefault(one.release, []).append(one)
        now = self._context.clock()
        about = self._about(scope.project, [one for looks in by_release.values() for one in looks])
        for release, judged in by_release.items():
            if any(not pending.isdisjoint(one.inputs.get("runs", ())) for one in judged):
                continue
            summary = announced(judged, about)
            if summary is not None and (releases is None or release in releases):
                key = _key(scope, release, summary)
                told = OutboxMessage(MessageKind.EVENT, key, None, {}, due=now, created=now, state=MessageState.SENT)
                if scope.source == self._context.source:
                    await self._store.outbox.add(told)
                await self._notices.count_as_told(scope, release, judged, summary, about)

    async def _pending(self) -> set[str]:
        """The runs whose release is told of when they are done."""
        return {run.id for run in await self._store.runs.queue() if run.status is Status.PENDING}

    async def _newest(self, scope: Scope, release: str, fresh: Sequence[Judged]) -> tuple[tuple[Judged, ...], About]:
        """The newest looks at *release*, *fresh* ones among them, and what is known of its metrics."""
        looks = (*await self._store.verdicts.newest(scope), *fresh)
        newest = {one.key.metric: one for one in looks if one.release == release}
        return tuple(newest.values()), self._about(scope.project, looks)

    def _about(self, name: str, kept: Iterable[Judged]) -> About:
        """Of the project called *name*; *kept* are the looks at all its releases."""
        project = self._context.catalog.current.projects.get(name)
        own = project.metrics if project else ()
        return About.of(judged_metrics(project), own, {one.key.metric for one in kept})


def announced(judged: Iterable[Judged], about: About) -> Summary | None:
    """The headline of what stands, where at least one metric's verdict is announced and there is something to tell.

    That is a headline that stands, or a metric that is worse though it does not decide. What one more look has to agree
    with is told when it has.
    """
    newest = list(judged)
    if not any(one.standing is Standing.ANNOUNCED for one in newest):
        return None
    summary = standing(newest, about)
    if summary is None or (summary.headline in UNANNOUNCED and not _told_anyway(summary)):
        return None
    return summary


def _told_anyway(summary: Summary) -> bool:
    return summary.headline is Headline.UNDECIDED and summary.attention


def _key(scope: Scope, release: str, summary: Summary) -> str:
    """One message for each headline of a release, and one more where another metric turns out to be worse."""
    beside = ":attention" if summary.attention and summary.headline not in WORSE else ""
    return f"verdict:{scope.project}/{scope.deployment}/{scope.test}/{release}/{summary.headline}{beside}"
