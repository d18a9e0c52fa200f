"""The JSON documents of the API as JSON Schema; a test holds every answer against them."""

from collections.abc import Mapping
from typing import Any

from dogdriver.model import Headline, MetricState, Outcome, Status
from dogdriver.model.evidence import EvidenceState
from dogdriver.web.api.documents import Schema, answered, delivery

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


HEAD = {"name": TEXT, "title": TEXT, "unit": TEXT, "better": words(("lower", "higher"))}
TREND = whole(
    direction={"enum": ["up", "down", "flat", None]}, outcome=words(Outcome), effect=maybe(NUMBER), low=maybe(NUMBER),
    high=maybe(NUMBER), p=maybe(NUMBER), runs=WHOLE, since=maybe(MOMENT), until=maybe(MOMENT), margin=NUMBER,
    reason=TEXT,
)  # fmt: skip
HEADLINE = maybe(words(Headline))
HEADLINE_DOCUMENT = {
    "headline": HEADLINE,
    "sentence": maybe(TEXT),
    "release": maybe(TEXT),
    "stay": maybe(WHOLE),
    "baseline": maybe(TEXT),
    "step": maybe(whole(at=MOMENT, run=maybe(TEXT), metric=TEXT, effect=NUMBER)),
    "judged": WHOLE,
    "of": WHOLE,
    "reasons": many(whole(metric=TEXT, reason=TEXT)),
}
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
    **HEADLINE_DOCUMENT,
    "agreement": maybe(ref("Agreement")),
    "evidence": whole(
        release=maybe(TEXT),
        state=words(EvidenceState),
        runs=WHOLE,
        most=maybe(WHOLE),
        next=maybe(MOMENT),
        visible=maybe(NUMBER),
    ),
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

_WORD: Schema = {"type": ["string", "null"], "minLength": 1, "maxLength": 500, "pattern": r"^[!-~]+$"}

ERROR = ref("Error")
BUILT_IN = whole(
    requests=many(
        whole(
            path=TEXT, method=TEXT, headers=by_name(TEXT), body=maybe(TEXT), weight=NUMBER, expect=many(WHOLE),
        )
    ),
    workers=WHOLE, duration=NUMBER, delay=NUMBER,
)  # fmt: skip

SCHEMAS: Mapping[str, Schema] = {
    "Error": whole(error=whole(("details",), code={"type": "string", "pattern": "^[a-z_]+$"}, message=TEXT,
                               details={"type": "object"})),
    **answered(),
    "Trend": TREND,
    "Agreement": AGREEMENT,
    "RunAnswer": whole(run=ref("Run")),
    "Runs": whole(runs=many(ref("Run")), next=maybe(TEXT)),
    "Projects": whole(projects=many(whole(**PROJECT))),
    "ProjectDetail": whole(
        **PROJECT, endpoints=by_name(TEXT), schedule=maybe(TEXT),
        test=maybe(whole(url=maybe(TEXT), ref=TEXT, name=TEXT, path=TEXT, requests=maybe(many(TEXT)))),
        load=maybe(whole(workers=WHOLE, processes=WHOLE, duration=NUMBER)),
    ),
    "ProjectTest": whole(
        project=whole(
            name=TEXT, deployments=many(whole(name=TEXT, endpoint=TEXT)),
            test=whole(
                url=TEXT, ref=TEXT, name=TEXT, path=TEXT, env=by_name(TEXT), env_from=many(TEXT), guard=NUMBER,
                stall=NUMBER, isolation=maybe(TEXT), built_in=maybe(BUILT_IN),
            ),
        ),
    ),
    "Series": whole(
        metric=whole(**HEAD), **PLACE, points=many(POINT),
        releases=many(whole(release=TEXT, at=MOMENT, run=maybe(TEXT))), changes=many(CHANGE),
    ),
    "Verdicts": whole(
        **PLACE, **HEADLINE_DOCUMENT, verdicts=many(ref("Verdict")),
        false_alarms=whole(called=WHOLE, halves=WHOLE, rate=maybe(NUMBER), low=maybe(NUMBER), high=maybe(NUMBER)),
    ),
    "Releases": whole(releases=many(whole(
        release=TEXT, stay=WHOLE, version=maybe(TEXT), commit=maybe(TEXT), source_url=maybe(TEXT), first_seen=MOMENT,
        last_seen=MOMENT, current=FLAG, runs=WHOLE, headline=HEADLINE,
        leading=maybe(whole(metric=TEXT, effect=NUMBER, low=maybe(NUMBER), high=maybe(NUMBER))), triage=maybe(TEXT),
    ))),
    "Deleted": whole(deleted=whole(runs=WHOLE)),
    "Changes": whole(changes=many(whole(at=MOMENT, who=TEXT, what=TEXT, subject=TEXT, address=TEXT))),
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
    "Trigger": whole(
        ("deployment", "test", "release"), project={**_WORD, "type": "string"}, deployment=_WORD, test=_WORD,
        release=_WORD,
    ),
    "Pause": whole(("project", "until"), project=_WORD, until=maybe(MOMENT), reason={**_WORD, "type": "string"}),
    "Resume": whole(("project",), project=_WORD),
    "Paused": whole(paused=whole(project=maybe(TEXT), until=maybe(MOMENT), reason=TEXT, by=TEXT)),
    "Exclusion": whole(reason={**_WORD, "type": "string"}),
    "Nothing": whole(),
    "Delivery": delivery(),
}  # fmt: skip
