"""Change points against human annotators: the Turing Change Point Dataset, its own F1, margin 5."""

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from dogdriver.verdict import Sample

FOLDER = Path(__file__).parents[2] / "tests" / "data" / "series" / "tcpd"
MARGIN = 5
NOT_SCORED = frozenset({"annotations", "uk_coal_employ"})


def series(every: timedelta = timedelta(days=1)) -> dict[str, list[Sample]]:
    """The 30 univariate series that have published scores (of run_log the first dimension, as shipped)."""
    result = {}
    for path in sorted(FOLDER.glob("*.json")):
        if path.stem in NOT_SCORED:
            continue
        values = json.loads(path.read_text())["series"][0]["raw"]
        start = datetime(2000, 1, 1, tzinfo=UTC)
        result[path.stem] = [Sample(start + i * every, "1.0", v) for i, v in enumerate(values)]
    return result


def annotations() -> dict[str, dict[str, list[int]]]:
    found: dict[str, dict[str, list[int]]] = json.loads((FOLDER / "annotations.json").read_text())
    return found


def f1(annotated: dict[str, list[int]], predicted: Sequence[int], margin: int = MARGIN) -> float:
    """Precision against all annotators together, recall as the mean over annotators; place 0 counts for everybody."""
    places = sorted({0, *predicted})
    everyone = sorted({0, *(p for marks in annotated.values() for p in marks)})
    precision = matched(everyone, places, margin) / len(places)
    recall = sum(matched(sorted({0, *marks}), places, margin) / len({0, *marks}) for marks in annotated.values()) / len(
        annotated
    )
    return 2 * precision * recall / (precision + recall) if precision + recall else 0.0


def matched(truth: Sequence[int], places: Sequence[int], margin: int) -> int:
    free = set(places)
    hits = 0
    for true in truth:
        near = sorted((abs(true - p), p) for p in free if abs(true - p) <= margin)
        if near:
            hits += 1
            free.discard(near[0][1])
    return hits


def score(find: Callable[[list[Sample]], Sequence[int]]) -> dict[str, float]:
    marks = annotations()
    return {name: f1(marks[name], find(samples)) for name, samples in series().items()}
