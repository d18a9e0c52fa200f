"""`/r/{run}`: everything that is known of one run."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from dogdriver.model import Load, Run
from dogdriver.verdict import standing
from dogdriver.web.api.runs import find_run, verdicts_of
from dogdriver.web.keys import ROOT, Site
from dogdriver.web.pages import format as words
from dogdriver.web.pages.contexts import Measure, RunPage
from dogdriver.web.pages.parts import project_url, row, told


async def run_page(site: Site, run_id: str) -> RunPage:
    run = await find_run(site, run_id)
    kept = await site.store.verdicts.newest(run.scope)
    judged = verdicts_of(run, kept)
    selection = await site.reports.selections.find(run.project)
    metrics = {metric.name: metric for metric in selection.metrics}
    titles = {name: metric.title for name, metric in metrics.items()}
    headline = standing(judged, titles)
    measures = []
    order = {name: place for place, name in enumerate(metrics)}
    for name, value in sorted(run.metrics.items(), key=lambda item: order.get(item[0], len(order))):
        if run.client and name.startswith("client."):
            continue  # what the load generator measured has its own place
        unit = value.unit or (metrics[name].unit if name in metrics else "")
        points = f"{value.points} of {value.expected}" if value.expected is not None else None
        measures.append(
            Measure(titles.get(name, name), words.amount(value.value, unit), words.STATES[value.state],
                    points, value.note, value.query)
        )  # fmt: skip
    return RunPage(
        row=row(site, run),
        project=project_url(run.project),
        live=f"{ROOT}/runs/{quote(run.id, safe='')}/live",
        api=f"{ROOT}/runs/{quote(run.id, safe='')}",
        facts=_run_facts(run),
        tally=_tally(run),
        client=_client(run),
        measures=tuple(measures),
        links=_links(run, titles),
        headline=words.headline_saying(headline) if headline else None,
        sentence=told(headline),
        verdicts=_verdicts_url(run),
        can=_can(run),
    )


def _verdicts_url(run: Run) -> str:
    place = {"deployment": run.deployment, "test": run.test, "source": run.source}
    if run.release is not None:
        place["release"] = run.release
    return f"{project_url(run.project)}?{urlencode(place)}"


LINKS = {"event.start": "start event", "event.stop": "stop event", "events": "all events"}


def _links(run: Run, titles: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    """The addresses that a browser may follow, in words."""
    named = []
    for name, url in run.links.items():
        service, _, what = name.partition(".")
        text = f"{LINKS.get(what) or titles.get(what) or what} in Datadog" if service == "datadog" and what else name
        if url.startswith(("https://", "http://")):
            named.append((text[:1].upper() + text[1:], url))
    return tuple(named)


def _run_facts(run: Run) -> tuple[tuple[str, str], ...]:
    seconds = run.window.seconds if run.window else None
    load = run.load
    facts = [
        ("Release", run.release or words.NOTHING),
        ("Commit", run.commit[:12] if run.commit else None),
        ("Deployment", run.deployment),
        ("Endpoint", run.endpoint),
        ("Test", run.test),
        ("Test’s commit", run.test_commit[:12] if run.test_commit else None),
        ("Source", run.source),
        ("Started by", run.trigger.value),
        ("Load", _load(load) if load else None),
        ("Lasted", words.duration(seconds) if seconds is not None else None),
        ("Hosts", words.number(run.fingerprint) if run.fingerprint is not None else None),
        ("Kinds of hosts", run.kinds),
    ]
    return tuple((label, text) for label, text in facts if text)


def _load(load: Load) -> str:
    workers = words.plural(load.workers, "worker")
    if load.processes > 1:
        workers += f" in each of {load.processes} processes"
    return f"{workers} for {words.duration(load.duration)}"


def _tally(run: Run) -> tuple[tuple[str, str], ...]:
    if run.tally is None:
        return ()
    tally = run.tally
    return (
        ("Scenarios succeeded", words.number(tally.ok)),
        ("Scenarios failed", words.number(tally.failed)),
        ("Requests", words.number(tally.requests)),
        ("Requests failed", words.number(tally.errors)),
    )


def _client(run: Run) -> tuple[tuple[str, str], ...]:
    if run.client is None:
        return ()
    client = run.client
    return (
        ("Rate", words.amount(client.rps, "1/s")),
        ("Median latency", words.amount(client.p50, "ms")),
        ("95th percentile", words.amount(client.p95, "ms")),
        ("99th percentile", words.amount(client.p99, "ms")),
        ("Scenarios failed", words.amount(client.error_ratio, "ratio")),
        ("Generator’s lag, p99", words.amount(client.lag_p99, "ms")),
        ("Its longest stall", words.amount(client.stall, "ms")),
        ("Its CPU", words.amount(client.cpu, "ratio")),
        ("Its grade", client.grade.value),
    )


def _can(run: Run) -> frozenset[str]:
    if not run.status.final:
        return frozenset({"cancel"})
    return frozenset({"include"}) if run.excluded is not None else frozenset({"exclude"})
