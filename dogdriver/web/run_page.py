"""`/r/{run}`: everything that is known of one run."""

from urllib.parse import quote

from dogdriver.model import Run
from dogdriver.web import words
from dogdriver.web.cards import project_url, row, verdict_cards
from dogdriver.web.dashboard import Measure, RunPage
from dogdriver.web.history import headline_of
from dogdriver.web.keys import Site
from dogdriver.web.runs import find_run, verdicts_of


async def run_page(site: Site, run_id: str) -> RunPage:
    run = await find_run(site, run_id)
    kept = await site.store.verdicts(run.project, run.deployment, run.test, run.source)
    judged = verdicts_of(run, kept)
    scope = await site.scopes.find(run.project)
    metrics = {metric.name: metric for metric in scope.metrics}
    titles = {name: metric.title for name, metric in metrics.items()}
    headline = headline_of(judged)
    measures = []
    order = {name: place for place, name in enumerate(metrics)}
    for name, value in sorted(run.metrics.items(), key=lambda item: order.get(item[0], len(order))):
        unit = value.unit or (metrics[name].unit if name in metrics else "")
        points = f"{value.points} of {value.expected}" if value.expected is not None else None
        measures.append(
            Measure(titles.get(name, name), words.amount(value.value, unit), value.state.value.replace("_", " "),
                    points, value.note, value.query)
        )  # fmt: skip
    return RunPage(
        row=row(site, run),
        project=project_url(run.project),
        live=f"/api/v1/runs/{quote(run.id, safe='')}/live",
        api=f"/api/v1/runs/{quote(run.id, safe='')}",
        facts=_run_facts(run),
        tally=_tally(run),
        client=_client(run),
        measures=tuple(measures),
        headline=words.headline_saying(headline) if headline else None,
        verdicts=verdict_cards(judged, titles),
        can=_can(run),
    )


def _run_facts(run: Run) -> tuple[tuple[str, str], ...]:
    seconds = run.window.seconds if run.window else None
    load = run.load
    commit = run.release.commit if run.release else None
    facts = [
        ("Release", run.release.label if run.release else words.NOTHING),
        ("Commit", commit[:12] if commit else None),
        ("Deployment", run.deployment),
        ("Endpoint", run.endpoint),
        ("Test", run.test),
        ("Test’s commit", run.test_commit[:12] if run.test_commit else None),
        ("Source", run.source),
        ("Started by", run.trigger.value),
        ("Load", f"{load.workers} × {load.processes} for {words.duration(load.duration)}" if load else None),
        ("Lasted", words.duration(seconds) if seconds is not None else None),
        ("Hosts", words.number(run.fingerprint) if run.fingerprint is not None else None),
        ("Kinds of hosts", run.kinds),
    ]
    return tuple((label, text) for label, text in facts if text)


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
        ("Requests failed", words.amount(client.error_ratio, "ratio")),
        ("Generator’s lag, p99", words.amount(client.lag_p99, "ms")),
        ("Its longest stall", words.amount(client.stall, "ms")),
        ("Its CPU", words.amount(client.cpu, "ratio")),
        ("Its grade", client.grade.value),
    )


def _can(run: Run) -> frozenset[str]:
    if not run.status.final:
        return frozenset({"cancel"})
    return frozenset({"include"}) if run.excluded is not None else frozenset({"exclude"})
