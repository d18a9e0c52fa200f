"""What ServiceBook and the projects file say together: pure, from two readings to one catalog."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from dogdriver.catalog import toml_values as values
from dogdriver.catalog.projects_file import Common, ProjectEntry, ProjectsFile
from dogdriver.catalog.servicebook import Listed
from dogdriver.checkout.address import Address, parse
from dogdriver.errors import CheckoutError
from dogdriver.model import Deployment, Metric, Problem, Project, Schedule, Test

HOURLY = Schedule(every=3600.0)


@dataclass(frozen=True, slots=True)
class Usual:
    """What holds where nobody says otherwise. *test* is the name of the entry, in ServiceBook and in molotov.json.

    *fingerprint* reads what *metrics* read, so it holds only for a project that has no metrics of its own.
    """

    metrics: tuple[Metric, ...] = ()
    fingerprint: str | None = None
    test: str = "dogdriver"
    schedule: Schedule = HOURLY
    guard: float = 0.5
    stall: float = 1.0
    margin: float = 0.03


@dataclass(slots=True)
class _Joining:
    """One project while it is put together."""

    entry: ProjectEntry
    listed: Listed
    heard: bool
    problems: list[str] = field(default_factory=list)


def join(
    file: ProjectsFile, book: Sequence[Listed], usual: Usual, *, heard: bool = True
) -> tuple[Mapping[str, Project], Sequence[Problem]]:
    """Projects by name, sorted without case, and what is wrong with them.

    Names are joined exactly; the file wins per field, deployments merge by name without case. Of the projects that are
    only in *book*, those with a test of the usual name are listed. A test may run if it matches `allowed_tests`; where
    that is not given, those may whose address stands in the file itself, for there the operator has named them, and no
    others. ServiceBook never names a place on this machine. Not *heard*: *book* is empty because ServiceBook has yet to
    answer, so the projects are partial, and what they lack is no mistake.
    """
    problems: list[Problem] = []
    books = _by_name(book, problems)
    entries = {entry.name: entry for entry in file.projects}
    projects: list[Project] = []
    for name in sorted({*entries, *books}, key=lambda n: (n.lower(), n)):
        entry, listed = entries.get(name), books.get(name)
        if entry is None and listed and all(test != usual.test for test, _ in listed.tests):
            continue
        joining = _Joining(entry or ProjectEntry(name), listed or Listed(None, name), heard)
        if entry and not listed and (twin := next((b for b in books if b.lower() == name.lower()), None)):
            joining.problems.append(f"ServiceBook knows {twin}; names are joined exactly, so write it the same way")
        project = _project(joining, file, usual)
        projects.append(project)
        problems += [Problem(name, sentence) for sentence in project.problems]
    return {project.name: project for project in projects}, problems


def _by_name(book: Sequence[Listed], problems: list[Problem]) -> dict[str, Listed]:
    found: dict[str, Listed] = {}
    for position, listed in enumerate(book, 1):
        shown = listed.name or f"ServiceBook's project {listed.id if listed.id is not None else f'no. {position}'}"
        try:
            name = values.name(listed.name)
        except ValueError as error:
            problems.append(Problem(shown[: values.LONGEST], f"Its name in ServiceBook {error}; it is left out."))
            continue
        if name in found:
            problems.append(Problem(name, f"ServiceBook has it twice; the second ({listed.id}) is left out."))
            continue
        found[name] = listed
    return found


def _project(joining: _Joining, file: ProjectsFile, usual: Usual) -> Project:
    entry = joining.entry
    said = _said(entry.common, file.common)
    test, allowed = _test(joining, file, usual, said)
    metrics = entry.metrics or usual.metrics
    if not entry.metrics and file.margin is not None:
        metrics = tuple(replace(metric, margin=file.margin) for metric in metrics)
    deployments = tuple(_deployments(joining))
    if not deployments and joining.heard:
        joining.problems.append("It has no deployment; add one in ServiceBook or under [project.deployments].")
    project = Project(
        name=entry.name,
        deployments=deployments,
        test=test,
        allowed=allowed,
        metrics=metrics,
        schedule=said.schedule or usual.schedule,
        on_release=bool(said.on_release),
        fingerprint=said.fingerprint or (None if entry.metrics else usual.fingerprint),
        fingerprint_tolerance=said.fingerprint_tolerance or 0.0,
        partial=not joining.heard,
    )
    if joining.heard and test and deployments and not project.schedule.off and project.deployment(None) is None:
        joining.problems.append(
            f"It has several deployments ({', '.join(d.name for d in deployments)}) and none called stage, so its "
            "schedule never runs it; call one of them stage, or trigger its runs with the deployment's name."
        )
    return replace(project, problems=tuple(joining.problems))


def _said(own: Common, defaults: Common) -> Common:
    pairs = ((f.name, getattr(own, f.name), getattr(defaults, f.name)) for f in fields(Common))
    return Common(**{name: default if value is None else value for name, value, default in pairs})


def _deployments(joining: _Joining) -> Iterator[Deployment]:
    """The file's, then those of ServiceBook that the file does not have."""
    seen = {deployment.name.lower() for deployment in joining.entry.deployments}
    yield from joining.entry.deployments
    for name, endpoint in joining.listed.deployments:
        if name.lower() in seen:
            continue
        try:
            yield Deployment(values.name(name), values.endpoint(endpoint))
            seen.add(name.lower())
        except ValueError as error:
            joining.problems.append(
                f"Its deployment {name[: values.LONGEST]!r} ({endpoint[:200]!r}) in ServiceBook is left out: name and "
                f"endpoint {error}."
            )


def _test(joining: _Joining, file: ProjectsFile, usual: Usual, said: Common) -> tuple[Test | None, bool]:
    """The test, if there is a usable one, and whether it may run."""
    own = joining.entry.test
    name = own.name or usual.test
    address = own.address or _address(joining, name)
    if address is None:
        return None, False
    allowed = file.allowed.allows(address) if file.allowed.given else own.address is not None
    if not allowed:
        joining.problems.append(
            f"Its test {address.text} is outside `allowed_tests`, so it never runs; add a pattern for it under "
            "[defaults] in the projects file."
        )
    test = Test(
        url=address.text,
        ref=own.ref or "HEAD",
        name=name,
        path=own.path or "",
        env=own.env,
        guard=usual.guard if said.guard is None else said.guard,
        stall=usual.stall if said.stall is None else said.stall,
        isolation=said.isolation,
    )
    return test, allowed


def _address(joining: _Joining, name: str) -> Address | None:
    """Where ServiceBook says that the test called *name* is; the first usable one."""
    found = [url for test, url in joining.listed.tests if test == name]
    if not found and joining.heard:
        joining.problems.append(
            f"It has no test; add one called {name} in ServiceBook, or [project.test] with a `url`."
        )
    for url in found:
        try:
            address = parse(url)
        except CheckoutError as error:
            joining.problems.append(f"Its test {name} in ServiceBook cannot be used. {error.message}")
            continue
        if not address.local:
            return address
        joining.problems.append(
            f"Its test {name} in ServiceBook names a place on this machine ({address.text}); "
            "only the projects file may."
        )
    return None
