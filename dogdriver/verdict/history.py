"""What the level did before the release: steps, releases with a level of their own, a staircase over releases.

Each is a fixed column of the mixed model, kept where it raises the likelihood by more than it costs: docs/verdict.md,
"Model". So a bad release that was reverted does not widen what usual releases are expected to do.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from dogdriver.verdict.design import DesignMatrix
from dogdriver.verdict.mixed_model import STEP_SIZE, Grid, Posterior, fit, fit_expanding
from dogdriver.verdict.series import Flags, Floats, Ints
from dogdriver.verdict.step_scan import StepScan, scan_columns, scan_steps

STEP_RATE = 1 / 300
"""A step is believed when it is likely even though there is one in so many runs only,"""
BLOCK_RATE = 1 / 25
"""a level of its own though one release in so many has one,"""
SMALLEST_BLOCK = 1.5
"""and only so many standard deviations of a run off: less than that is how releases differ,"""
STAIRCASE_RATE = 1 / 300
"""a staircase though one history in so many is one."""
MOST_TERMS = 6
MOST_APART = 1 / 3
"""The share of the releases that may have levels of their own; if more have, that is how releases differ."""
LONGEST_BLOCK = 3
"""Releases in a row that may share a level of their own; what more of them have kept is what is usual by then."""
FEWEST_FREEDOM = 8
"""Degrees of freedom that have to be there before a term may take one."""
BESIDE = 2
"""Runs that a step may come before the release and still be taken for its doing, or the other way round."""
FEWEST_STAIRS = 4
"""Releases before it is worth asking whether they make a staircase."""


@dataclass(frozen=True, slots=True)
class Step:
    """The level differs from run *place* on."""

    place: int

    def column(self, earlier: "Earlier") -> Floats:
        """What it adds to each run's level, in units of its size, (runs,)."""
        result: Floats = (np.arange(len(earlier.release)) >= self.place).astype(float)
        return result


@dataclass(frozen=True, slots=True)
class Block:
    """The earlier releases number *first* to *last* (of `Earlier.numbers`) share a level of their own."""

    first: int
    last: int

    def column(self, earlier: "Earlier") -> Floats:
        """What it adds to each run's level, in units of its size, (runs,)."""
        result: Floats = ((earlier.place >= self.first) & (earlier.place <= self.last)).astype(float)
        return result


@dataclass(frozen=True, slots=True)
class Staircase:
    """Each release differs from the one before by the same."""

    def column(self, earlier: "Earlier") -> Floats:
        """What it adds to each run's level, in units of its size, (runs,)."""
        result: Floats = earlier.place / max(len(earlier.numbers) - 1, 1) - 1.0
        return result


Term = Step | Block | Staircase


def cost(term: Term) -> float:
    """What a term has to raise the log likelihood by."""
    match term:
        case Step():
            rate = STEP_RATE
        case Block():
            rate = BLOCK_RATE
        case Staircase():
            rate = STAIRCASE_RATE
    return -float(np.log(rate))


@dataclass(frozen=True)
class Earlier:
    """The runs of a window: *release* (runs,) their releases' numbers, *judged* (runs,) those that are asked about.

    *numbers* (releases,): the other releases, oldest first; *place* (runs,) each run's in it, of the judged ones
    whatever.
    """

    release: Ints
    judged: Flags
    numbers: Ints
    place: Ints

    @classmethod
    def of(cls, release: Ints, judged: Flags) -> "Earlier":
        """Of *release* (runs,), the numbers of the runs' releases, and *judged* (runs,)."""
        numbers = np.unique(release[~judged])
        return cls(release, judged, numbers, np.minimum(np.searchsorted(numbers, release), len(numbers) - 1))

    @property
    def start(self) -> int:
        """The first run that is judged."""
        return int(np.argmax(self.judged))

    @cached_property
    def last_runs(self) -> Ints:
        """The last run of each release of `numbers`, (releases,)."""
        runs = np.flatnonzero(~self.judged)
        result: Ints = np.zeros(len(self.numbers), dtype=np.intp)
        result[self.place[runs]] = runs
        return result

    def columns(self, terms: Sequence[Term], reference: int) -> Floats:
        """(runs, terms): the judged runs stand where the last run of the release at *reference* does."""
        if not terms:
            return np.empty((len(self.release), 0))
        result = np.column_stack([term.column(self) for term in terms])
        result[self.judged] = result[self.last_runs[reference]]
        return result

    @cached_property
    def candidates(self) -> tuple[tuple[Term, ...], Floats]:
        """What is not a step and may be a term, and its columns (runs, candidates) against the last release."""
        first, last = (np.array([getattr(block, end) for block in self.blocks]) for end in ("first", "last"))
        inside = (self.place[:, None] >= first) & (self.place[:, None] <= last)
        columns: Floats = inside.astype(float)
        columns[self.judged] = columns[self.last_runs[-1]]
        if len(self.numbers) < FEWEST_STAIRS:
            return self.blocks, columns
        stairs = (Staircase(),)
        return (*self.blocks, *stairs), np.hstack([columns, self.columns(stairs, len(self.numbers) - 1)])

    @cached_property
    def blocks(self) -> tuple[Block, ...]:
        """All that are short enough and leave others."""
        releases = len(self.numbers)
        longest = min(LONGEST_BLOCK, releases - 1)
        return tuple(
            Block(first, first + length - 1)
            for length in range(1, longest + 1)
            for first in range(releases - length + 1)
        )

    def blocks_of(self, bad: frozenset[int]) -> tuple[Block, ...]:
        """The blocks that the *bad* releases make, which have a level of their own whatever the data say."""
        found: list[Block] = []
        for place, number in enumerate(self.numbers):
            if int(number) not in bad:
                continue
            if found and found[-1].last == place - 1:
                found[-1] = Block(found[-1].first, place)
            else:
                found.append(Block(place, place))
        return tuple(block for block in found if block in self.blocks)


@dataclass(frozen=True)
class HistoryFit:
    """The *posterior* of *values* (runs,) with the *terms* of the history as fixed columns of its design.

    The effect is against the level of the release at place *reference* of `Earlier.numbers`.
    """

    earlier: Earlier
    values: Floats
    posterior: Posterior
    terms: tuple[Term, ...]
    reference: int

    @cached_property
    def one_more_step(self) -> StepScan:
        """What a further step would do, under the best combination."""
        return scan_steps(self.values, self.posterior, self.posterior.best)

    @property
    def score(self) -> float:
        """The log evidence less what the terms cost.

        The evidence takes a term to be of the size of a step; what is larger is the less likely the larger it is.
        """
        sd = float(self.posterior.sds[self.posterior.best])
        sizes = np.abs(self.posterior.coefficients[1 : 1 + len(self.terms)]) / (STEP_SIZE * sd)
        far = float(np.sum(np.log(np.maximum(sizes, 1.0))))
        return self.posterior.log_evidence - sum(cost(term) for term in self.terms) - far

    def levels(self) -> Floats:
        """Of the releases at their end, as the terms have them, (releases,), in the unit of the values."""
        coefficients = self.posterior.coefficients[1 : 1 + len(self.terms)]
        result: Floats = self.earlier.columns(self.terms, self.reference)[self.earlier.last_runs] @ coefficients
        return result

    def apart(self) -> frozenset[int]:
        """The numbers of the releases whose runs say nothing of the level that the effect is against."""
        columns = self.earlier.columns([term for term in self.terms if isinstance(term, Block)], self.reference)
        other = np.any(columns != columns[self.earlier.last_runs[self.reference]], axis=1)
        return frozenset(int(number) for number in np.unique(self.earlier.release[other & ~self.earlier.judged]))


@dataclass(frozen=True)
class History:
    """*values* (runs,) and the plain *design* that terms are added to."""

    values: Floats
    design: DesignMatrix
    earlier: Earlier

    def fitted(self, grid: Grid, terms: tuple[Term, ...], reference: int | None = None) -> HistoryFit:
        """Against the last release, unless *reference* is the place of another."""
        place = len(self.earlier.numbers) - 1 if reference is None else reference
        posterior, _ = fit_expanding(self.values, self._with_terms(terms, place), grid)
        return HistoryFit(self.earlier, self.values, posterior, terms, place)

    def _with_terms(self, terms: tuple[Term, ...], reference: int) -> DesignMatrix:
        return replace(self.design, fixed=np.hstack([self.design.fixed, self.earlier.columns(terms, reference)]))

    def select(self, grid: Grid, known: tuple[Term, ...] = ()) -> HistoryFit:
        """Forward selection, after the terms that are *known*.

        What the likeliest combination and the plainest one propose is tried one by one; and all together that
        stands out where releases do not differ and runs are independent: of several bad releases each alone is taken
        for how releases differ.
        """
        best = self.fitted(grid, known)
        tried = {frozenset(known)}
        while len(best.terms) < MOST_TERMS and best.posterior.freedom > FEWEST_FREEDOM:
            found = best
            for terms in self._proposals(best, grid.plainest()):
                if frozenset(terms) in tried or self._apart(terms) > MOST_APART * len(self.earlier.numbers):
                    continue
                tried.add(frozenset(terms))
                candidate = self.fitted(grid, terms)
                if candidate.score > found.score:
                    found = candidate
            if found is best:
                break
            best = found
        return best

    @staticmethod
    def _apart(terms: tuple[Term, ...]) -> int:
        """How many releases have a level of their own."""
        return len({place for term in terms if isinstance(term, Block) for place in range(term.first, term.last + 1)})

    def _proposals(self, best: HistoryFit, plain: Grid) -> Iterator[tuple[Term, ...]]:
        likeliest = self._standing_out(best.posterior, best.posterior.best, best.one_more_step)
        for term in likeliest:
            yield (*best.terms, term)
        first = likeliest if best.posterior.is_plain else self._plainly(best.terms, plain)
        for kinds in ((Step, Block, Staircase), (Block,)):
            terms, proposed = best.terms, first
            while found := next((term for term in proposed if isinstance(term, kinds)), None):
                terms = (*terms, found)
                yield terms
                proposed = self._plainly(terms, plain)

    def _plainly(self, terms: tuple[Term, ...], plain: Grid) -> list[Term]:
        """What stands out beside *terms* where noise is plain; nothing where there is no room for one more."""
        if len(terms) >= MOST_TERMS:
            return []
        fitted = fit(self.values, self._with_terms(terms, len(self.earlier.numbers) - 1), plain)
        if fitted.freedom <= FEWEST_FREEDOM:
            return []
        return self._standing_out(fitted, 0, scan_steps(self.values, fitted, 0))

    def _standing_out(self, fitted: Posterior, which: int, steps: StepScan) -> list[Term]:
        """Of each kind the term that combination *which* gains most by, the most gainful first; none that does not
        earn its cost. *steps*: what a step would do.
        """
        found: list[tuple[float, Term]] = []
        earlier = self.earlier
        gains = steps.gain.copy()
        gains[0] = -np.inf
        gains[max(earlier.start - BESIDE, 0) :] = -np.inf
        place = int(np.argmax(gains))
        found.append((float(gains[place]), Step(place)))
        others, columns = earlier.candidates
        if others:
            scan = scan_columns(self.values, fitted, which, columns)
            small = np.abs(scan.sizes) < SMALLEST_BLOCK * fitted.sds[which]
            gains = np.where(small & [isinstance(term, Block) for term in others], -np.inf, scan.gain)
            for kind in (Block, Staircase):
                places = [i for i, term in enumerate(others) if isinstance(term, kind)]
                if places:
                    top = max(places, key=gains.__getitem__)
                    found.append((float(gains[top]), others[top]))
        return [term for gain, term in sorted(found, key=lambda pair: -pair[0]) if gain > cost(term)]
