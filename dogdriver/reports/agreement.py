"""Whether several sources say the same of a release. They are compared by what they say, never mixed in one verdict."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dogdriver.model import UNANNOUNCED, Headline

WORDS: Mapping[str, str] = {
    Headline.SLOWER: "slower",
    Headline.FASTER: "faster",
    Headline.MIXED: "some slower, some faster",
    Headline.NO_CHANGE: "no change",
    Headline.PROBABLY_SLOWER: "probably slower",
    Headline.PROBABLY_FASTER: "probably faster",
}
FEWEST_SOURCES = 2  # sources: one alone agrees with nobody


@dataclass(frozen=True, slots=True)
class Agreement:
    """What the sources that judged *release* say of it: *votes* by source, best source first.

    *headline* is what most of those that can tell say, None where none can or as many say something else; *agree*
    of the *votes* say it. *disagreeing* are the sources that say otherwise; one that can't tell yet is none of them.
    """

    release: str
    headline: Headline | None
    agree: int
    votes: tuple[tuple[str, Headline], ...]
    disagreeing: tuple[str, ...]

    @property
    def sentence(self) -> str:
        """For people: "3 of 3 sources: slower"."""
        otherwise = [f"{source}: {WORDS[vote]}" for source, vote in self.votes if source in self.disagreeing]
        if self.headline is None:
            return f"The sources disagree. {', '.join(otherwise)}." if otherwise else "No source can tell yet."
        counted = f"{self.agree} of {len(self.votes)} sources: {WORDS[self.headline]}"
        open_ = [
            f"{source} ({WORDS[vote]})" if vote in WORDS else source
            for source, vote in self.votes
            if vote in UNANNOUNCED
        ]
        parts = [counted]
        parts += [f"disagreeing: {', '.join(otherwise)}"] if otherwise else []
        parts += [f"can’t tell yet: {', '.join(open_)}"] if open_ else []
        return "; ".join(parts) + "."


def agreement_of(release: str, votes: Sequence[tuple[str, Headline]]) -> Agreement | None:
    """None where fewer than two sources have judged *release*."""
    if len(votes) < FEWEST_SOURCES:
        return None
    counted = Counter(vote for _, vote in votes if vote not in UNANNOUNCED).most_common()
    tied = len(counted) > 1 and counted[0][1] == counted[1][1]
    headline, agree = (None, 0) if not counted or tied else counted[0]
    disagreeing = tuple(source for source, vote in votes if vote not in UNANNOUNCED | {headline})
    return Agreement(release, headline, agree, tuple(votes), disagreeing)


def agreement_document(found: Agreement | None) -> dict[str, Any] | None:
    """As the API says it."""
    if found is None:
        return None
    return {
        "release": found.release,
        "headline": found.headline.value if found.headline else None,
        "agree": found.agree,
        "of": len(found.votes),
        "disagreeing": list(found.disagreeing),
        "voices": [{"source": source, "headline": vote.value} for source, vote in found.votes],
        "sentence": found.sentence,
    }
