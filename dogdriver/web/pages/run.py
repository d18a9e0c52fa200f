"""`/r/{run}`: everything that is known of one run."""

from collections.abc import Mapping
from urllib.parse import quote, urlencode

from dogdriver.model import Load, Run
from dogdriver.pipeline.ports import Commands
from dogdriver.reports.ports import Store
from dogdriver.reports.project import Reports
from dogdriver.web.api.runs import find_run
from dogdriver.web.keys import ROOT
from dogdriver.web.pages.contexts import MetricRow, RunPage
from dogdriver.web.pages.format import DASH, STATES, amount, duration, number, plural, summary_badge
from dogdriver.web.pages.parts import project_url, run_row, sentence_of


async def run_page(store: Store, reports: Reports, commands: Commands, run_id: str) -> RunPage:
    run = await find_run(store.runs, run_id)
    (release,) = await reports.releases.of_runs(reports.selections, [run])
    selection = await reports.selections.find(run.project)
    metrics = {metric.name: metric for metric in selection.metrics}
    titles = {name: metric.title for name, metric in metrics.items()}
    headline = release.titled_summary
    rows = []
    order = {name: place for place, name in enumerate(metrics)}
    for name, value in sorted(run.metrics.items(), key=lambda item: order.get(item[0], len(order))):
        if run.client and name.startswith("client."):
            continue  # what the load generator measured has its own place
        unit = value.unit or (metrics[name].unit if name in metrics else "")
        points = f"{value.points} of {value.expected}" if value.expected is not None else None
        rows.append(
            MetricRow(titles.get(name, name), amount(value.value, unit), STATES[value.state],
                    points, value.note, value.query)
        )  # fmt: skip
    return RunPage(
        row=run_row(commands, run),
        project=project_url(run.project),
        live=f"{ROOT}/runs/{quote(run.id, safe='')}/live",
        api=f"{ROOT}/runs/{quote(run.id, safe='')}",
        facts=_run_facts(run),
        tally=_tally(run),
        client=_client(run),
        metrics=tuple(rows),
        links=_links(run, titles),
        headline=summary_badge(headline) if headline else None,
        sentence=sentence_of(headline),
        verdicts=_verdicts_url(run),
        commands=_commands(run),
    )


def _verdicts_url(run: Run) -> str:
    place = {"deployment": run.deployment, "test": run.test, "source": run.source}
    if run.release_name is not None:
        place["release"] = run.release_name
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
        ("Release", run.release_name or DASH),
        ("Commit", run.commit[:12] if run.commit else None),
        ("Deployment", run.deployment),
        ("Endpoint", run.endpoint),
        ("Test", run.test),
        ("Test’s commit", run.test_commit[:12] if run.test_commit else None),
        ("Source", run.source),
        ("Started by", run.trigger.value),
        ("Load", _load(load) if load else None),
        ("Lasted", duration(seconds) if seconds is not None else None),
        ("Hosts", number(run.fingerprint) if run.fingerprint is not None else None),
        ("Kinds of hosts", run.kinds),
    ]
    return tuple((label, text) for label, text in facts if text)


def _load(load: Load) -> str:
    workers = plural(load.workers, "worker")
    if load.processes > 1:
        workers += f" in each of {load.processes} processes"
    return f"{workers} for {duration(load.duration)}"


def _tally(run: Run) -> tuple[tuple[str, str], ...]:
    if run.tally is None:
        return ()
    tally = run.tally
    return (
        ("Scenarios succeeded", number(tally.ok)),
        ("Scenarios failed", number(tally.failed)),
        ("Requests", number(tally.requests)),
        ("Requests failed", number(tally.errors)),
    )


def _client(run: Run) -> tuple[tuple[str, str], ...]:
    if run.client is None:
        return ()
    client = run.client
    return (
        ("Rate", amount(client.rps, "1/s")),
        ("Median latency", amount(client.p50, "ms")),
        ("95th percentile", amount(client.p95, "ms")),
        ("99th percentile", amount(client.p99, "ms")),
        ("Scenarios failed", amount(client.error_ratio, "ratio")),
        ("Generator’s lag, p99", amount(client.lag_p99, "ms")),
        ("Its longest stall", amount(client.stall, "ms")),
        ("Its CPU", amount(client.cpu, "ratio")),
        ("Its grade", client.grade.value),
    )


def _commands(run: Run) -> frozenset[str]:
    if not run.status.final:
        return frozenset({"cancel"})
    return frozenset({"include"}) if run.excluded is not None else frozenset({"exclude"})
