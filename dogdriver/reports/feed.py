"""The releases whose headline stands, for feeds and badges."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from dogdriver.model import Headline, Judged
from dogdriver.pipeline.announcements import announced
from dogdriver.reports.ports import Store
from dogdriver.reports.scope import Selection
from dogdriver.verdict import About


@dataclass(frozen=True, slots=True)
class Entry:
    """What stands of one release, by the looks that ended *at*."""

    project: str
    deployment: str
    test: str
    source: str
    release: str
    headline: Headline
    sentence: str
    at: datetime


async def standing_releases(store: Store, selection: Selection) -> list[Entry]:
    """Of one selection, the newest release first."""
    scope = selection.scope
    if scope is None:
        return []
    kept = await store.verdicts.newest(scope)
    own = selection.entry.metrics if selection.entry else ()
    about = About.of(selection.metrics, own, {one.key.metric for one in kept})
    by_release: dict[str, list[Judged]] = {}
    for one in kept:
        by_release.setdefault(one.release, []).append(one)
    found = [_entry(selection, release, judged, about) for release, judged in by_release.items()]
    return [one for one in reversed(found) if one is not None]


def _entry(selection: Selection, release: str, judged: Sequence[Judged], about: About) -> Entry | None:
    summary, scope = announced(judged, about), selection.scope
    if summary is None or scope is None:
        return None
    at = max(one.at for one in judged)
    return Entry(
        scope.project, scope.deployment, scope.test, scope.source, release, summary.headline, summary.sentence, at
    )
