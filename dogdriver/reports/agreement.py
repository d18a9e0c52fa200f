"""Whether several sources say the same of a release. They are compared by what they say, never mixed in one verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dogdriver import model
from dogdriver.model import Headline
from dogdriver.reports.history import headline_of
from dogdriver.reports.ports import Store
from dogdriver.reports.scope import Scope

WORDS: Mapping[str, str] = {
    Headline.SLOWER: "slower",
    Headline.FASTER: "faster",
    Headline.MIXED: "some slower, some faster",
    Headline.NO_CHANGE: "no change",
}
FEWEST = 2  # sources: one alone agrees with nobody


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the sources that judged *release* say of it: *voices* by source, best source first.

    *headline* is what most of those that can tell say, None where none can or as many say something else; *agree*
    of the *voices* say it. *disagreeing* are the sources that say otherwise; one that can't tell yet is none of them.
    """

    release: str
    headline: Headline | None
    agree: int
    voices: tuple[tuple[str, Headline], ...]
    disagreeing: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For people: "3 of 3 sources: slower"."""
        said = [f"{source}: {WORDS[voice]}" for source, voice in self.voices if source in self.disagreeing]
        if self.headline is None:
            return f"The sources disagree. {', '.join(said)}." if said else "No source can tell yet."
        counted = f"{self.agree} of {len(self.voices)} sources: {WORDS[self.headline]}"
        open_ = [source for source, voice in self.voices if voice == Headline.UNDECIDED]
        parts = [counted]
        parts += [f"disagreeing: {', '.join(said)}"] if said else []
        parts += [f"can’t tell yet: {', '.join(open_)}"] if open_ else []
        return "; ".join(parts) + "."


def agreement_of(release: str, voices: Sequence[tuple[str, Headline]]) -> Agreement | None:
    """None where fewer than two sources have judged *release*."""
    if len(voices) < FEWEST:
        return None
    counted = Counter(voice for _, voice in voices if voice != Headline.UNDECIDED).most_common()
    tied = len(counted) > 1 and counted[0][1] == counted[1][1]
    headline, agree = (None, 0) if not counted or tied else counted[0]
    disagreeing = tuple(source for source, voice in voices if voice not in {Headline.UNDECIDED, headline})
    return Agreement(release, headline, agree, tuple(voices), disagreeing)


async def agreement(store: Store, scope: Scope, release: str | None) -> Agreement | None:
    """Of the scope's sources, on *release*, at the same deployment with the same test."""
    if release is None or scope.deployment is None or scope.test is None or len(scope.sources) < FEWEST:
        return None
    voices: list[tuple[str, Headline]] = []
    for source in scope.sources:
        kept = await store.verdicts.newest(model.Scope(scope.project, scope.deployment, scope.test, source))
        headline = headline_of(judged for judged in kept if judged.release == release)
        if headline is not None:
            voices.append((source, headline))
    return agreement_of(release, voices)


def agreement_document(found: Agreement | None) -> dict[str, Any] | None:
    """As the API says it."""
    if found is None:
        return None
    return {
        "release": found.release,
        "headline": found.headline.value if found.headline else None,
        "agree": found.agree,
        "of": len(found.voices),
        "disagreeing": list(found.disagreeing),
        "voices": [{"source": source, "headline": voice.value} for source, voice in found.voices],
        "sentence": found.sentence,
    }
