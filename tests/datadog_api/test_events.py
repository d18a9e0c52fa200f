from datetime import timedelta
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dogdriver.datadog_api import payloads
from dogdriver.demo.standin.events import EventLog
from dogdriver.model import ClientMeasures, EventStep, Grade, Headline, Load, Run, Status, Summary, Tally
from tests.datadog.fixtures import START

LINK = "https://dog.example.org/r/01J0000000RUN"


@pytest.fixture
def whole(run: Run) -> Run:
    client = ClientMeasures(98.7654, 12.3456, 40.0, 80.0, 0.0, 1.0, 2.0, 0.3, Grade.OK)
    return replace(run, load=Load(20, 2, 600.0), tally=Tally(5900, 3, 5950, 4), client=client)


def event_of(run: Run, step: EventStep, link: str | None = LINK) -> dict[str, Any]:
    return payloads.run_event(run, step, at=START + timedelta(seconds=0.9), link=link)


def test_a_start_event_says_what_runs(whole: Run) -> None:
    event = event_of(whole, EventStep.START)
    assert event == {
        "title": "Load test started: kintowe 21.1.0 (stage)",
        "text": (
            "%%% \n**Release** 21.1.0 · **test** dogdriver · **source** Office 3\n\n"
            "**Endpoint** https://kinto.example.org\n\n**Workers** 20 in 2 processes for 600 s\n\n"
            f"[The run in dogDriver]({LINK})\n %%%"
        ),
        "date_happened": int(START.timestamp()),
        "alert_type": "info",
        "aggregation_key": whole.id,
        "source_type_name": "my_apps",
        "tags": [
            "project:kintowe",
            "env:stage",
            "service:kintowe",
            "version:21.1.0",
            "dogdriver_source:office_3",
            f"run_id:{whole.id.lower()}",
            "step:start",
        ],
    }


def test_a_stop_event_says_how_it_went(whole: Run) -> None:
    event = event_of(whole, EventStep.STOP)
    assert event["title"] == "Load test finished: kintowe 21.1.0 (stage)"
    assert event["alert_type"] == "success"
    assert event["aggregation_key"] == event_of(whole, EventStep.START)["aggregation_key"]
    assert "**Load** from 12:00:00 to 12:10:00 UTC, 600 s" in event["text"]
    assert "**Scenarios** 5900 ok, 3 failed · **requests** 5950, 4 errors" in event["text"]
    assert "**Rate** 98.77/s · **median latency** 12.35 ms (as seen by the load generator)" in event["text"]


@pytest.mark.parametrize("status", [Status.FAILED, Status.ABORTED, Status.INVALID])
def test_a_bad_end_is_an_error_with_its_reason(whole: Run, status: Status) -> None:
    event = event_of(replace(whole, status=status, reason="the guard stopped it"), EventStep.STOP)
    assert (event["title"].split(":")[0], event["alert_type"]) == ("Load test failed", "error")
    assert "**Reason** the guard stopped it" in event["text"]


def test_only_the_pair_carries_a_step(whole: Run) -> None:
    assert [t for step in EventStep for t in event_of(whole, step)["tags"] if t.startswith("step:")] == [
        "step:start",
        "step:stop",
    ]
    verdict = payloads.verdict_event(whole, Summary(Headline.SLOWER, "art +12 %"), at=START, link=None)
    assert not [tag for tag in verdict["tags"] if tag.startswith(("step:", "run_id:"))]
    with pytest.raises(ValueError, match="verdict"):
        EventStep("verdict")


@pytest.mark.parametrize(
    ("headline", "title", "tone"),
    [
        (Headline.SLOWER, "Slower", "warning"),
        (Headline.FASTER, "Faster", "success"),
        (Headline.MIXED, "Some slower, some faster", "warning"),
        (Headline.NO_CHANGE, "No change", "success"),
        (Headline.UNDECIDED, "Can't tell yet", "info"),
    ],
)
def test_a_verdict_event_says_it_in_words(whole: Run, headline: Headline, title: str, tone: str) -> None:
    event = payloads.verdict_event(whole, Summary(headline, "Response time +12 % (8 to 16)."), at=START, link=LINK)
    assert event["title"] == f"{title}: kintowe 21.1.0 (stage)"
    assert event["alert_type"] == tone
    assert event["aggregation_key"] == "verdict:kintowe:stage:21.1.0"
    assert f"headline:{headline}" in event["tags"]
    assert "Response time +12 % (8 to 16)." in event["text"]
    bare = payloads.verdict_event(whole, Summary(headline), at=START, link=None)
    assert bare["text"] == f"%%% \n{title}\n %%%"


def test_long_keys_stay_different(whole: Run) -> None:
    keys = {
        payloads.verdict_event(replace(whole, release="x" * 200 + end), Summary(Headline.FASTER), at=START, link=None)[
            "aggregation_key"
        ]
        for end in "ab"
    }
    assert len(keys) == 2
    assert {len(key) for key in keys} == {100}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(
    project=st.text(max_size=600),
    release=st.text(max_size=300),
    reason=st.one_of(st.none(), st.text(max_size=6000)),
    link=st.one_of(st.none(), st.text(max_size=5000)),
    step=st.sampled_from(EventStep),
)
def test_whatever_its_words_datadog_takes_the_event(
    whole: Run, project: str, release: str, reason: str | None, link: str | None, step: EventStep
) -> None:
    event = event_of(replace(whole, project=project, release=release, reason=reason), step, link)
    EventLog().post(event, START.timestamp())  # raises where Datadog would refuse
    assert event["text"].startswith("%%% \n")
    assert event["text"].endswith("\n %%%")
    assert "%%%" not in event["text"][5:-5]
    assert type(event["date_happened"]) is int
    assert all(tag == tag.lower() and len(tag) <= 200 for tag in event["tags"])
