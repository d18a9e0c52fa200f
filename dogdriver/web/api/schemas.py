"""The JSON documents of the API as JSON Schema; a test holds every answer against them."""

from collections.abc import Mapping
from typing import Any

from dogdriver.model import Grade, Headline, MetricState, Outcome, Standing, Status, Trigger
from dogdriver.model.parse import LARGEST_NUMBER, LONGEST_NAME

Schema = dict[str, Any]

TEXT: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
WHOLE: Schema = {"type": "integer"}
FLAG: Schema = {"type": "boolean"}
MOMENT: Schema = {"type": "string", "format": "date-time"}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if "type" in schema and "enum" not in schema:
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def words(values: Any) -> Schema:
    return {"type": "string", "enum": [str(value) for value in values]}


def many(items: Schema) -> Schema:
    return {"type": "array", "items": items}


def by_name(values: Schema) -> Schema:
    return {"type": "object", "additionalProperties": values}


def whole(optional: tuple[str, ...] = (), /, **properties: Schema) -> Schema:
    """An object with exactly these fields, all of them there but the *optional* ones."""
    return {
        "type": "object",
        "properties": properties,
        "required": [name for name in properties if name not in optional],
        "additionalProperties": False,
    }


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


LATENCY = whole(
    name=TEXT, count=WHOLE, errors=WHOLE, p50=maybe(NUMBER), p95=maybe(NUMBER), p99=maybe(NUMBER)
)  # fmt: skip
LOAD = whole(workers=WHOLE, processes=WHOLE, duration=NUMBER, options={"type": "object"})
TALLY = whole(ok=WHOLE, failed=WHOLE, requests=WHOLE, errors=WHOLE)
CLIENT = whole(
    rps=maybe(NUMBER), p50=maybe(NUMBER), p95=maybe(NUMBER), p99=maybe(NUMBER), error_ratio=maybe(NUMBER),
    lag_p99=maybe(NUMBER), stall=maybe(NUMBER), cpu=maybe(NUMBER), grade=words(Grade), reasons=many(TEXT),
    statuses=by_name(WHOLE), failures=many({"type": "array", "prefixItems": [TEXT, WHOLE]}),
    scenarios=many(LATENCY), endpoints=many(LATENCY),
)  # fmt: skip
METRIC_VALUE = whole(
    state=words(MetricState), value=maybe(NUMBER), points=maybe(WHOLE), expected=maybe(WHOLE), query=maybe(TEXT),
    unit=maybe(TEXT), interval=maybe(NUMBER), note=maybe(TEXT), earlier=maybe(NUMBER),
)  # fmt: skip
VERDICT = whole(
    metric=TEXT, outcome=words(Outcome), effect=maybe(NUMBER), low=maybe(NUMBER), high=maybe(NUMBER), runs=WHOLE,
    baseline_runs=WHOLE, baseline_releases=many(TEXT), runs_needed=maybe(WHOLE), smallest_visible=maybe(NUMBER),
    p=maybe(NUMBER), margin=NUMBER,
    noise=whole(sd=maybe(NUMBER), autocorrelation=maybe(NUMBER), wobble=maybe(NUMBER)),
    method=TEXT, seed=WHOLE, reason=TEXT, state=words(Standing), look=WHOLE, at=MOMENT,
)  # fmt: skip
RUN = whole(
    id=TEXT, project=TEXT, deployment=TEXT, endpoint=maybe(TEXT), test=TEXT, source=TEXT, release=maybe(TEXT),
    version=maybe(TEXT), commit=maybe(TEXT), status=words(Status), reason=maybe(TEXT), trigger=words(Trigger),
    created=MOMENT, started=maybe(MOMENT), ended=maybe(MOMENT), due=maybe(MOMENT), attempts=WHOLE,
    progress=maybe(NUMBER), load=maybe(ref("Load")), content=maybe(TEXT), test_commit=maybe(TEXT),
    fingerprint=maybe(NUMBER), kinds=maybe(TEXT), tally=maybe(ref("Tally")), client=maybe(ref("Client")),
    metrics=by_name(ref("MetricValue")), verdicts=many(ref("Verdict")), excluded=maybe(TEXT), notes=many(TEXT),
    links=by_name(TEXT),
)  # fmt: skip
HEAD = {"name": TEXT, "title": TEXT, "unit": TEXT, "better": words(("lower", "higher"))}
TREND = whole(
    direction={"enum": ["up", "down", "flat", None]}, outcome=words(Outcome), effect=maybe(NUMBER), low=maybe(NUMBER),
    high=maybe(NUMBER), p=maybe(NUMBER), runs=WHOLE, since=maybe(MOMENT), until=maybe(MOMENT), margin=NUMBER,
    reason=TEXT,
)  # fmt: skip
HEADLINE = maybe(words(Headline))
AGREEMENT = whole(
    release=TEXT, headline=HEADLINE, agree=WHOLE, of=WHOLE, disagreeing=many(TEXT),
    voices=many(whole(source=TEXT, headline=words(Headline))), sentence=TEXT,
)  # fmt: skip
PROJECT = {
    "name": TEXT,
    "deployments": many(TEXT),
    "sources": many(TEXT),
    "best_source": maybe(TEXT),
    "metrics": many(
        whole(**HEAD, last=maybe(NUMBER), trend=maybe(ref("Trend")), verdict=maybe(words(Outcome))),
    ),
    "headline": HEADLINE,
    "agreement": maybe(ref("Agreement")),
    "problems": many(TEXT),
}
PLACE = {"project": TEXT, "deployment": maybe(TEXT), "test": maybe(TEXT), "source": TEXT}
POINT = whole(
    run=TEXT, at=MOMENT, value=maybe(NUMBER), release=TEXT, segment=WHOLE, status=words(Status),
    state=words(MetricState), excluded=FLAG, hosts=maybe(NUMBER), kinds=maybe(TEXT), per_host=maybe(NUMBER),
)  # fmt: skip
CHANGE = whole(
    at=MOMENT, run=maybe(TEXT), effect=NUMBER, low=NUMBER, high=NUMBER, p=NUMBER, release=maybe(TEXT)
)  # fmt: skip

# What is sent. Counts are non-negative and no larger than what JSON readers take for exact.
_NAME: Schema = {"type": "string", "minLength": 1, "maxLength": LONGEST_NAME, "pattern": r"^[!-~]+$"}
_COUNT: Schema = {"type": "integer", "minimum": 0, "maximum": LARGEST_NUMBER}
_SIZE: Schema = {"type": "number", "minimum": 0, "maximum": LARGEST_NUMBER}
_WORD: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": 500, "pattern": r"^[!-~]+$"}
DELIVERY: Schema = {
    "type": "object",
    "properties": {
        "id": TEXT, "project": _NAME, "deployment": _NAME, "test": _NAME, "source": _NAME, "release": _NAME,
        "version": maybe(_NAME), "commit": maybe(_NAME), "endpoint": maybe(TEXT),
        "status": words(("pending", "done", "failed", "aborted", "invalid")),
        "reason": maybe(TEXT), "created": MOMENT, "started": MOMENT, "ended": MOMENT,
        "load": whole(
            ("options",), workers={**_COUNT, "minimum": 1}, processes={**_COUNT, "minimum": 1},
            duration={**_SIZE, "minimum": 0, "exclusiveMinimum": 0}, options={"type": "object"},
        ),
        "tally": whole(
            ("ok", "failed", "requests", "errors"), ok=_COUNT, failed=_COUNT, requests=_COUNT, errors=_COUNT
        ),
        "client": {"type": ["object", "null"]},
        "metrics": by_name({"type": "object"}),
        "content": maybe(TEXT), "test_commit": maybe(TEXT), "fingerprint": maybe(NUMBER), "kinds": maybe(TEXT),
        "notes": many(TEXT),
        "links": by_name(TEXT),
    },
    "required": ["project", "deployment", "test", "source", "release"],
    "description": "The run document without what the server itself says: trigger, due, attempts, progress, verdicts "
    "and excluded are not looked at. started, ended, load and tally are needed unless status is failed or aborted.",
}  # fmt: skip

ERROR = ref("Error")
SCHEMAS: Mapping[str, Schema] = {
    "Error": whole(error=whole(("details",), code={"type": "string", "pattern": "^[a-z_]+$"}, message=TEXT,
                               details={"type": "object"})),
    "Load": LOAD,
    "Tally": TALLY,
    "Client": CLIENT,
    "MetricValue": METRIC_VALUE,
    "Verdict": VERDICT,
    "Trend": TREND,
    "Agreement": AGREEMENT,
    "Run": RUN,
    "RunAnswer": whole(run=ref("Run")),
    "Runs": whole(runs=many(ref("Run")), next=maybe(TEXT)),
    "Projects": whole(projects=many(whole(**PROJECT))),
    "ProjectDetail": whole(
        **PROJECT, endpoints=by_name(TEXT), schedule=maybe(TEXT),
        test=maybe(whole(url=TEXT, ref=TEXT, name=TEXT, path=TEXT)),
        load=maybe(whole(workers=WHOLE, processes=WHOLE, duration=NUMBER)), release=maybe(TEXT), sentence=maybe(TEXT),
    ),
    "ProjectTest": whole(
        project=whole(
            name=TEXT, deployments=many(whole(name=TEXT, endpoint=TEXT)),
            test=whole(
                url=TEXT, ref=TEXT, name=TEXT, path=TEXT, env=by_name(TEXT), guard=NUMBER, stall=NUMBER,
                isolation=maybe(TEXT),
            ),
        ),
    ),
    "Series": whole(
        metric=whole(**HEAD), **PLACE, points=many(POINT),
        releases=many(whole(release=TEXT, at=MOMENT, run=maybe(TEXT))), changes=many(CHANGE),
    ),
    "Verdicts": whole(
        **PLACE, release=maybe(TEXT), baseline=maybe(TEXT), headline=HEADLINE, sentence=maybe(TEXT),
        verdicts=many(ref("Verdict")),
    ),
    "Status": {
        "type": "object",
        "properties": {
            "source": TEXT,
            "version": maybe(TEXT),
            "catalogue": whole(projects=WHOLE, stale=maybe(TEXT), problems=many(whole(subject=TEXT, message=TEXT))),
            "queue": whole(
                length=WHOLE, next_due=maybe(MOMENT),
                runs=many(whole(id=TEXT, project=TEXT, deployment=TEXT, status=words(Status), created=MOMENT,
                                due=maybe(MOMENT), progress=maybe(NUMBER))),
            ),
        },
        "required": ["source", "version", "catalogue", "queue"],
    },
    "Trigger": whole(("deployment", "test"), project={**_WORD, "type": "string"}, deployment=_WORD, test=_WORD),
    "Exclusion": whole(reason={**_WORD, "type": "string"}),
    "Nothing": whole(),
    "Delivery": DELIVERY,
}  # fmt: skip
