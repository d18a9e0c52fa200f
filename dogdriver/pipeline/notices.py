"""What people and programs are told of a release: that its headline stands, is withdrawn, or is good again.

A notice is a message to ourselves, committed with the look that it follows from; when it is delivered, each receiver
that the project has then gets a message of its own. The newest notice of a release says what was told of it, so that
nothing is told twice, nor anew after an upgrade or an import.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from msgspec import to_builtins

from dogdriver.errors import ExternalError, TargetError
from dogdriver.model import (
    CALLED,
    Headline,
    Judged,
    MessageKind,
    MessageState,
    OutboxMessage,
    Run,
    Scope,
    Standing,
    Summary,
)
from dogdriver.model.document import Needed, moment, verdict_document
from dogdriver.model.notify import NoticeType
from dogdriver.model.quiet import quiet_until
from dogdriver.pipeline.context import Context
from dogdriver.verdict import About
from dogdriver.verdict.headline_wording import amount, size

VERSION = "1"
"""Of the document that receivers get."""
GOOD = frozenset({Headline.NO_CHANGE, Headline.FASTER})


class Notices:
    """Makes notices, and passes each on to the project's receivers."""

    def __init__(self, context: Context) -> None:
        self._context, self._outbox = context, context.store.outbox

    def tells(self, source: str) -> bool:
        """Whether what comes from *source* is ours to tell: on a shared bucket each daemon tells its own."""
        return source == self._context.source or self._context.alone

    async def message(
        self, scope: Scope, release: str, judged: Sequence[Judged], summary: Summary | None, about: About,
        run: Run | None, *, known: bool = False,
    ) -> OutboxMessage | None:  # fmt: skip
        """What is to be told now that *judged* are the newest looks at *release*; None: nothing new.

        *summary* is what stands announced of it, None where nothing does. *known*: it was told before there were
        notices, so it only counts as told.
        """
        if not self.tells(scope.source):
            return None
        before = await self._outbox.last(MessageKind.NOTICE, _place(scope, release))
        kind = _kind(before.payload if before else None, judged, summary)
        if kind is None:
            return None
        state = MessageState.SENT if known and before is None else MessageState.WAITING
        return self._made(scope, release, kind, judged, summary, about, run, before, state=state)

    async def count_as_told(
        self, scope: Scope, release: str, judged: Sequence[Judged], summary: Summary, about: About
    ) -> None:
        """Keep *summary* as the newest that was told of *release*, without telling anybody."""
        before = await self._outbox.last(MessageKind.NOTICE, _place(scope, release))
        kind = _kind(before.payload if before else None, judged, summary)
        if kind and self.tells(scope.source):
            told = self._made(scope, release, kind, judged, summary, about, None, before, state=MessageState.SENT)
            await self._outbox.add(told)

    async def pass_on(self, payload: Mapping[str, Any]) -> Mapping[str, Any]:
        """A message for each receiver of the project that wants this: the sender of notices."""
        document, now = payload["document"], self._context.clock()
        project = self._context.catalog.current.projects.get(document["project"])
        occasion = NoticeType(document["type"]).occasion
        routes = [one for one in (project.notify if project else ()) if occasion is None or occasion in one.on]
        repository = None
        if any(one.kind == "github" for one in routes):
            repository = await self._repository(document["project"], document["deployment"])
        for route in routes:
            body = {**payload, "project": document["project"], "route": route.name, "repository": repository}
            key = f"{document['id']}:{route.name}"
            due = quiet_until(route.quiet, now) or now
            await self._outbox.add(OutboxMessage(MessageKind.NOTIFY, key, None, body, due=due, created=now))
        return {"receivers": [route.name for route in routes]}

    async def _repository(self, project: str, deployment: str) -> str | None:
        """Where the service's source is, as its `/__version__` says."""
        entry = self._context.catalog.current.projects.get(project)
        place = entry.deployment(deployment) if entry else None
        try:
            return await self._context.target.repository(place) if place else None
        except (TargetError, ExternalError):
            return None  # the sender says that it is missing

    def _made(
        self,
        scope: Scope,
        release: str,
        kind: NoticeType,
        judged: Sequence[Judged],
        summary: Summary | None,
        about: About,
        run: Run | None,
        before: OutboxMessage | None,
        *,
        state: MessageState = MessageState.WAITING,
    ) -> OutboxMessage:
        now, number = self._context.clock(), 1 + (before.payload["number"] if before else 0)
        document: dict[str, Any] = {
            "version": VERSION,
            "type": kind.value,
            "id": self._context.ids(),
            "at": moment(now),
            "project": scope.project,
            "deployment": scope.deployment,
            "test": scope.test,
            "source": scope.source,
            "release": release,
            "headline": summary.headline.value if summary else None,
            "sentence": summary.sentence if summary else _withdrawal(judged, about),
            "verdicts": [_verdict(one, about) for one in judged],
            "link": self._context.page(scope.project),
        }
        payload = {
            "number": number,
            "word": word(summary) if summary else None,
            "document": document,
            "changes": _changes(judged, about),
            "commit": run.commit if run else None,
        }
        key = f"{_place(scope, release)}{number:06}"
        return OutboxMessage(MessageKind.NOTICE, key, None, payload, due=now, created=now, state=state)


def word(summary: Summary) -> str:
    """What is told once: the headline, and that something beside it is worse."""
    return f"{summary.headline}{':attention' if summary.attention else ''}"


def trial(project: str, identity: str, now: datetime, link: str | None) -> dict[str, Any]:
    """What is sent to try whether it arrives."""
    document: dict[str, Any] = {
        "version": VERSION, "type": NoticeType.TEST.value, "id": identity, "at": moment(now), "project": project,
        "deployment": None, "test": None, "source": None, "release": None, "headline": None,
        "sentence": f"This is a test: notifications of {project} arrive here.", "verdicts": [], "link": link,
    }  # fmt: skip
    return {"document": document, "changes": [], "commit": None, "repository": None, "project": project}


def _kind(told: Mapping[str, Any] | None, judged: Sequence[Judged], summary: Summary | None) -> NoticeType | None:
    """What has happened since *told*, the payload of the newest notice of the release."""
    stands = told["word"] if told else None
    if summary is None:
        withdrawn = any(one.standing is Standing.WITHDRAWN for one in judged)
        return NoticeType.WITHDRAWN if stands and withdrawn else None
    if word(summary) == stands:
        return None
    recovered = any(one.verdict.recovered and one.standing is Standing.ANNOUNCED for one in judged)
    return NoticeType.RECOVERED if recovered and summary.headline in GOOD else NoticeType.ANNOUNCED


def _place(scope: Scope, release: str) -> str:
    """What the keys of all notices of one release begin with."""
    return f"{scope.project}/{scope.deployment}/{scope.test}/{scope.source}/{release}#"


def _verdict(one: Judged, about: About) -> Any:
    decides = about.deciding is None or one.key.metric in about.deciding
    return to_builtins(verdict_document(one, decides=decides, needed=Needed(None, None)))


def _withdrawal(judged: Iterable[Judged], about: About) -> str:
    """Why it does not stand any more, in the words of the first metric that was withdrawn."""
    for one in judged:
        if one.standing is Standing.WITHDRAWN:
            return f"{about.names.get(one.key.metric, one.key.metric)}: {one.standing_reason}"
    return "What was announced does not stand any more."


def _changes(judged: Iterable[Judged], about: About) -> list[str]:
    """A line for each metric that differs: its levels before and after."""
    lines = []
    for one in judged:
        verdict, unit = one.verdict, about.units.get(one.key.metric, "")
        if one.standing_outcome in CALLED and verdict.before is not None and verdict.after is not None:
            name = about.names.get(one.key.metric, one.key.metric)
            levels = f"{amount(verdict.before, unit)} → {amount(verdict.after, unit)}"
            lines.append(f"{name}: {levels} ({size(verdict, unit)}, {one.standing_outcome.value})")
    return lines
