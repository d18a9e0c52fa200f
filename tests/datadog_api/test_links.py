from urllib.parse import parse_qs, urlsplit

import pytest
from msgspec.structs import replace

from dogdriver.datadog_api import payloads
from dogdriver.metrics.query import DEFAULT_METRICS, metric_query
from dogdriver.model import MetricState, MetricValue, Run
from dogdriver.settings import LINK_WORDS


@pytest.fixture
def whole(run: Run) -> Run:
    metrics = {
        metric.name: MetricValue(MetricState.WAITING, query=metric_query(metric, run)) for metric in DEFAULT_METRICS
    }
    return replace(run, metrics={**metrics, "client.rps": MetricValue(MetricState.SETTLED, value=1.0)})


def test_each_metric_and_the_events_have_a_link(whole: Run) -> None:
    found = payloads.links(whole, site="datadoghq.com")
    assert list(found) == ["datadog.events", "datadog.cpu", "datadog.rps", "datadog.art"]
    assert whole.window is not None
    for address in found.values():
        parts = urlsplit(address)
        words = parse_qs(parts.query)
        assert (parts.scheme, parts.netloc) == ("https", "app.datadoghq.com")
        assert words["from_ts"] == [str(int(whole.window.start.timestamp() - 300) * 1000)]
        assert words["to_ts"] == [str(int(whole.window.end.timestamp() + 300) * 1000)]
        assert words["live"] == ["false"]
    explorer = parse_qs(urlsplit(found["datadog.cpu"]).query)
    assert explorer["exp_metric"] == ["system.cpu.idle"]
    assert explorer["exp_scope"] == ["app:kintowe,env:stage"]
    assert explorer["exp_agg"] == ["avg"]
    assert parse_qs(urlsplit(found["datadog.events"]).query)["query"] == [f"run_id:{whole.id.lower()}"]


@pytest.mark.parametrize(
    ("site", "address"),
    [
        ("datadoghq.com", "https://app.datadoghq.com"),
        ("datadoghq.eu", "https://app.datadoghq.eu"),
        ("ddog-gov.com", "https://app.ddog-gov.com"),
        ("us3.datadoghq.com", "https://us3.datadoghq.com"),
        ("ap1.datadoghq.com", "https://ap1.datadoghq.com"),
    ],
)
def test_pages_are_at_the_site_of_the_keys(site: str, address: str) -> None:
    assert payloads.app_address(site) == address


def test_templates_can_be_changed_and_left_out(whole: Run) -> None:
    templates = {"events": "", "metric": "{app}/notebook/7?q={query}&at={from_ts}&{unknown}"}
    found = payloads.links(whole, site="datadoghq.eu", templates=templates)
    assert set(found) == {"datadog.cpu", "datadog.rps", "datadog.art"}
    assert found["datadog.art"].startswith(
        "https://app.datadoghq.eu/notebook/7?q=avg%3Aaws.elb.latency%7Bapp%3Akintowe"
    )
    assert found["datadog.art"].endswith("&{unknown}")


def test_every_word_of_the_settings_is_known_here(whole: Run) -> None:
    every = "https://x.example/" + "".join(f"{word}={{{word}}}&" for word in LINK_WORDS)
    found = payloads.links(whole, site="datadoghq.com", templates={"metric": every})
    assert set(found) == {"datadog.cpu", "datadog.rps", "datadog.art"}
    assert not any("{" in address for address in found.values())


def test_without_a_load_there_is_nothing_to_show(whole: Run) -> None:
    assert payloads.links(replace(whole, ended=None), site="datadoghq.com") == {}
