"""What ServiceBook and the projects file say together: pure, from both to one catalog."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace

from dogdriver.catalog import toml_values as values
from dogdriver.catalog.projects_file import ProjectEntry, ProjectOptions, ProjectsFile
from dogdriver.catalog.servicebook import ServiceBookProject
from dogdriver.checkout.address import Address, parse
from dogdriver.errors import CheckoutError
from dogdriver.metrics.query import DEFAULT_FINGERPRINT, DEFAULT_METRICS
from dogdriver.model import HOSTS_TOLERANCE, LONGEST_LOAD, Deployment, Metric, Problem, Project, Schedule, Test
from dogdriver.model.text import shortened

HOURLY = Schedule(every=3600.0)


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds where nobody says otherwise. *test* is the name of the entry, in ServiceBook and in molotov.json.

    *fingerprint* reads what *metrics* read, so it holds only for a project that has no metrics of its own.
    """

    metrics: tuple[Metric, ...] = DEFAULT_METRICS
    fingerprint: str | None = DEFAULT_FINGERPRINT
    test: str = "dogdriver"
    schedule: Schedule = HOURLY
    guard: float = 0.5
    stall: float = 1.0
    margin: float = 0.03


@dataclass(slots=True)
class _Draft:
    """One project while it is put together: what the file says of it, and what ServiceBook says."""

    entry: ProjectEntry
    listed: ServiceBookProject
    complete: bool
    problems: list[str] = field(default_factory=list)


def join(
    file: ProjectsFile, servicebook: Sequence[ServiceBookProject], defaults: Defaults, *, complete: bool = True
) -> tuple[Mapping[str, Project], Sequence[Problem]]:
    """Projects by name, sorted without case, and what is wrong with them.

    Names are joined exactly; the file wins per field, deployments merge by name without case. Of the projects that are
    only in *servicebook*, those with a test of the default name are listed. A test may run if it matches
    `allowed_tests`; where that is not given, those may whose address stands in the file itself, for there the operator
    has named them, and no others. ServiceBook never names a place on this machine. Not *complete*: *servicebook* is
    empty because ServiceBook has yet to answer, so the projects are partial, and what they lack is no mistake.
    """
    problems: list[Problem] = []
    known = _by_name(servicebook, problems)
    entries = {entry.name: entry for entry in file.projects}
    projects: list[Project] = []
    for name in sorted({*entries, *known}, key=lambda n: (n.lower(), n)):
        entry, listed = entries.get(name), known.get(name)
        if entry is None and listed and all(test != defaults.test for test, _ in listed.tests):
            continue
        draft = _Draft(entry or ProjectEntry(name), listed or ServiceBookProject(None, name), complete)
        if entry and not listed and (other := next((one for one in known if one.lower() == name.lower()), None)):
            draft.problems.append(f"ServiceBook knows {other}; names are joined exactly, so write it the same way")
        project = _project(draft, file, defaults)
        projects.append(project)
        problems += [Problem(name, sentence) for sentence in project.problems]
    return {project.name: project for project in projects}, problems


def _by_name(servicebook: Sequence[ServiceBookProject], problems: list[Problem]) -> dict[str, ServiceBookProject]:
    found: dict[str, ServiceBookProject] = {}
    for position, listed in enumerate(servicebook, 1):
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


def _project(draft: _Draft, file: ProjectsFile, defaults: Defaults) -> Project:
    entry = draft.entry
    options = _merged(entry.options, file.options)
    test, allowed = _test(draft, file, defaults, options)
    metrics = entry.metrics or defaults.metrics
    if not entry.metrics and file.margin is not None:
        metrics = tuple(replace(metric, margin=file.margin) for metric in metrics)
    deployments = tuple(_deployments(draft))
    if not deployments and draft.complete:
        draft.problems.append("It has no deployment; add one in ServiceBook or under [project.deployments].")
    tolerance = options.fingerprint_tolerance
    project = Project(
        name=entry.name,
        deployments=deployments,
        test=test,
        allowed=allowed,
        metrics=metrics,
        schedule=options.schedule or defaults.schedule,
        on_release=bool(options.on_release),
        fingerprint=options.fingerprint or (None if entry.metrics else defaults.fingerprint),
        fingerprint_tolerance=HOSTS_TOLERANCE if tolerance is None else tolerance,
        notify=options.notify or (),
        evidence=options.evidence,
        longest=LONGEST_LOAD if options.load is None else options.load,
        partial=not draft.complete,
    )
    if draft.complete and test and deployments and not project.schedule.off and project.deployment(None) is None:
        draft.problems.append(
            f"It has several deployments ({', '.join(d.name for d in deployments)}) and none called stage, so its "
            "schedule never runs it; call one of them stage, or trigger its runs with the deployment's name."
        )
    return replace(project, problems=tuple(draft.problems))


def _merged(own: ProjectOptions, of_all: ProjectOptions) -> ProjectOptions:
    """What the project says itself, else what [defaults] says."""
    pairs = ((f.name, getattr(own, f.name), getattr(of_all, f.name)) for f in fields(ProjectOptions))
    return ProjectOptions(**{name: default if value is None else value for name, value, default in pairs})


def _deployments(draft: _Draft) -> Iterator[Deployment]:
    """The file's, then those of ServiceBook that the file does not have."""
    seen = {deployment.name.lower() for deployment in draft.entry.deployments}
    release = draft.entry.release
    yield from (replace(deployment, release=release) for deployment in draft.entry.deployments)
    for name, endpoint in draft.listed.deployments:
        if name.lower() in seen:
            continue
        try:
            yield Deployment(values.name(name), values.endpoint(endpoint), release)
            seen.add(name.lower())
        except ValueError as error:
            draft.problems.append(
                f"Its deployment {shortened(name, values.LONGEST)!r} ({shortened(endpoint, 200)!r}) in ServiceBook is "
                f"left out: name and endpoint {error}."
            )


def _test(draft: _Draft, file: ProjectsFile, defaults: Defaults, options: ProjectOptions) -> tuple[Test | None, bool]:
    """The test, if there is a usable one, and whether it may run."""
    own = draft.entry.test
    name = own.name or defaults.test
    url, allowed = "", True  # what ships with dogDriver may run
    if own.built_in is None:
        address = own.address or _address(draft, name)
        if address is None:
            return None, False
        url = address.text
        allowed = file.allowed.allows(address) if file.allowed.given else own.address is not None
    if not allowed:
        draft.problems.append(
            f"Its test {url} is outside `allowed_tests`, so it never runs; add a pattern for it under "
            "[defaults] in the projects file."
        )
    test = Test(
        url=url,
        ref=own.ref or "HEAD",
        name=name,
        path=own.path or "",
        env=own.env,
        env_from=own.env_from,
        guard=defaults.guard if options.guard is None else options.guard,
        stall=defaults.stall if options.stall is None else options.stall,
        isolation=options.isolation,
        built_in=own.built_in,
    )
    return test, allowed


def _address(draft: _Draft, name: str) -> Address | None:
    """Where ServiceBook says that the test called *name* is; the first usable one."""
    found = [url for test, url in draft.listed.tests if test == name]
    if not found and draft.complete:
        draft.problems.append(
            f"It has no test; add one called {name} in ServiceBook, or [project.test] with a `url` or `requests`."
        )
    for url in found:
        try:
            address = parse(url)
        except CheckoutError as error:
            draft.problems.append(f"Its test {name} in ServiceBook cannot be used. {error.message}")
            continue
        if not address.local:
            return address
        draft.problems.append(
            f"Its test {name} in ServiceBook names a place on this machine ({address.text}); "
            "only the projects file may."
        )
    return None
