"""Rows of releases: their labels, and when each was observed at a deployment."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import count

from dogdriver.model import UNKNOWN, Release, Run, Scope, Stay
from dogdriver.storage.codec import from_time, to_row, to_time
from dogdriver.storage.database import Part, read, write
from dogdriver.storage.standing import stand, standing

SHORT, BLANK = 7, 12  # letters of the commit: beside a version, and alone

# What the watch has seen of a release without a run says when its first stay began and its newest ended.
_SEEN = """
WITH here AS (SELECT * FROM release WHERE project = :project AND deployment = :deployment),
met AS (SELECT label, number, first, last, number = max(number) OVER (PARTITION BY label) AS newest FROM stay
    WHERE project = :project AND deployment = :deployment)
SELECT here.label, version, revision, coalesce(number, 1) AS number,
    CASE WHEN coalesce(number, 1) = 1 THEN min(coalesce(met.first, here.first), coalesce(here.first, met.first))
        ELSE met.first END AS first,
    CASE WHEN newest IS NOT 0
        THEN max(coalesce(met.last, here.last, here.first), coalesce(here.last, met.last, here.first))
        ELSE met.last END AS last
FROM here LEFT JOIN met USING (label) WHERE met.first IS NOT NULL OR here.first IS NOT NULL
ORDER BY first, here.seq, number
"""


def give_label(
    database: sqlite3.Connection, project: str, deployment: str, version: str | None, commit: str | None
) -> str:
    """The label for what a deployment says of itself. It is given away here: the same words get the same one for ever.

    The first commit of a version keeps the plain version; without a commit it is the plain version, too, and a commit
    that is said later is taken for the one that was there all the time, unless that label has one already.
    """
    version, commit = _usable(version), _usable(commit)
    taken = {
        row["label"]: (row["version"], row["revision"])
        for row in database.execute(
            "SELECT label, version, revision FROM release WHERE project = ? AND deployment = ?", (project, deployment)
        )
    }
    for candidate in _candidates(version, commit):
        if candidate == UNKNOWN:
            return UNKNOWN
        if candidate not in taken:
            _insert(database, project, deployment, Release(candidate, version, commit))
            return candidate
        if taken[candidate] == (version, commit) or (commit is None and taken[candidate][0] == version):
            return candidate
        if taken[candidate] == (version, None):
            database.execute(
                "UPDATE release SET revision = ? WHERE project = ? AND deployment = ? AND label = ?",
                (commit, project, deployment, candidate),
            )
            return candidate
    raise AssertionError  # pragma: no cover - the candidates never end


def _usable(word: str | None) -> str | None:
    word = (word or "").strip()
    return None if word.lower() in {"", UNKNOWN} else to_row({"word": word})["word"]


def _candidates(version: str | None, commit: str | None) -> Iterator[str]:
    """Each longer than the one before, for a label that is another release's already."""
    if version is None and commit is None:
        yield UNKNOWN
    if version is not None:
        yield version
    if commit is not None:
        prefix, shortest = ("", BLANK) if version is None else (f"{version}+", SHORT)
        for length in range(min(shortest, len(commit)), len(commit) + 1):
            yield prefix + commit[:length]
    for number in count(2):
        yield f"{version or commit}~{number}"


def _insert(database: sqlite3.Connection, project: str, deployment: str, release: Release) -> None:
    database.execute(
        "INSERT INTO release (project, deployment, label, version, revision) VALUES (?, ?, ?, ?, ?)"
        " ON CONFLICT DO NOTHING",
        (project, deployment, release.label, release.version, release.commit),
    )


def observe(database: sqlite3.Connection, project: str, deployment: str, release: Release, at: datetime) -> bool:
    """True where it is new, or returns. An unknown release is none, and what was observed before the last sighting of
    another is no return.
    """
    if not release.known:
        return False
    here, time = (project, deployment), to_time(at)
    last = database.execute(
        "SELECT label, last, sighting FROM release WHERE project = ? AND deployment = ? AND last IS NOT NULL"
        " ORDER BY last DESC, sighting DESC LIMIT 1",
        here,
    ).fetchone()
    _insert(database, *here, release)
    new = database.execute(
        "SELECT first IS NULL FROM release WHERE project = ? AND deployment = ? AND label = ?", (*here, release.label)
    ).fetchone()[0]
    # A later sighting counts; an earlier one only moves the first back.
    database.execute(
        "UPDATE release SET first = min(coalesce(first, :at), :at), sighting = CASE WHEN coalesce(last, :at) <= :at"
        " THEN :sighting ELSE sighting END, last = max(coalesce(last, :at), :at)"
        " WHERE project = :project AND deployment = :deployment AND label = :label",
        {
            "at": time,
            "sighting": 1 if last is None else last["sighting"] + 1,
            "project": project,
            "deployment": deployment,
            "label": release.label,
        },
    )
    if last is None or new:
        return True
    return bool(last["label"] != release.label and last["last"] <= time)


def labelled(database: sqlite3.Connection, run: Run, *, relabel: bool) -> Run:
    """*run*, made elsewhere, with the label that its release has here, which was there when the run started.

    This is no sighting: what this daemon saw last stays what it saw last, and a release is new to it when it sees it.
    """
    release, here = run.observed, (run.project, run.deployment)
    if release is None or not release.known:
        return run
    if relabel or (release.commit is not None and _is_anothers(database, *here, release)):
        version = release.version if relabel else release.label
        release = replace(release, label=give_label(database, *here, version, release.commit))
    _insert(database, *here, release)
    if run.started is not None:
        database.execute(
            "UPDATE release SET first = min(coalesce(first, :at), :at)"
            " WHERE project = :project AND deployment = :deployment AND label = :label",
            to_row({"at": to_time(run.started), "project": here[0], "deployment": here[1], "label": release.label}),
        )
    return run.with_release(release)


def _is_anothers(database: sqlite3.Connection, project: str, deployment: str, release: Release) -> bool:
    """Whether its label was given to another version or commit."""
    kept = database.execute(
        "SELECT version, revision FROM release WHERE project = ? AND deployment = ? AND label = ?",
        (project, deployment, release.label),
    ).fetchone()
    return kept is not None and (kept["version"], kept["revision"]) != (release.version, release.commit)


class Releases(Part):
    """What each deployment of each project was seen to run."""

    @read
    def seen(self, database: sqlite3.Connection, project: str, deployment: str) -> Sequence[Stay]:
        """Each time that a release was there, in the order in which they began; those that no run met, too."""
        rows = database.execute(_SEEN, {"project": project, "deployment": deployment})
        return [
            Stay(
                release=Release(row["label"], row["version"], row["revision"]),
                number=row["number"],
                first=from_time(row["first"]),
                last=from_time(row["last"]),
            )
            for row in rows
        ]

    @read
    def counts(self, database: sqlite3.Connection, scope: Scope) -> Mapping[str, int]:
        """The runs of each stay that are done or pending, by its name."""
        rows = database.execute(
            "SELECT CASE WHEN stay > 1 THEN release || '@' || stay ELSE release END AS name, count(*) AS runs FROM run"
            " WHERE project = ? AND deployment = ? AND test = ? AND source = ? AND status IN ('done', 'pending')"
            " AND release IS NOT NULL GROUP BY name",
            (scope.project, scope.deployment, scope.test, scope.source),
        )
        return {row["name"]: row["runs"] for row in rows}

    @read
    def standing(self, database: sqlite3.Connection, project: str, deployment: str) -> Release | None:
        """The release that was last seen to stand there."""
        return standing(database, project, deployment)

    @write
    def see(
        self,
        database: sqlite3.Connection,
        project: str,
        deployment: str,
        release: Release,
        at: datetime,
        *,
        stands: bool = False,
    ) -> bool:
        """Record that *release* is there at *at*; True where another was seen last (new, or a return). With *stands* it
        is what is there for good, so that a return begins a further stay.
        """
        if stands and release.known:
            stand(database, project, deployment, release, to_time(at))
        return observe(database, project, deployment, release, at)

    @write
    def label(
        self, database: sqlite3.Connection, project: str, deployment: str, version: str | None, commit: str | None
    ) -> str:
        """The label for what a deployment says of itself, unique among the releases seen there (design: release)."""
        return give_label(database, project, deployment, version, commit)
