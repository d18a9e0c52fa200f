"""Monitors, as far as a metric's monitor can be checked: its query, and its threshold against the query's."""

import re
from datetime import datetime
from typing import Any

from dogdriver.demo.standin.errors import MonitorError, QueryError
from dogdriver.demo.standin.query import Expression, Selection, parse

TYPES = ("metric alert", "query alert")
FIRST_ID = 107235710
_QUERY = re.compile(
    r"(?P<over>avg|max|min|sum)\((?P<window>last_\d+[mhdw]|current_1(?:h|d|w|mo))\):(?P<query>.+?)\s*"
    r"(?P<operator>>=|<=|>|<)\s*(?P<threshold>-?\d+(?:\.\d+)?)",
    re.DOTALL,
)


def check_monitor(body: Any) -> tuple[Expression, ...]:
    """The queries of a monitor that is whole. Raises MonitorError."""
    query, kind = (body.get("query"), body.get("type")) if isinstance(body, dict) else (None, None)
    if not isinstance(query, str) or not isinstance(kind, str):
        raise MonitorError("The parameters 'query' and 'type' are required")
    match = _QUERY.fullmatch(query.strip())
    if match is None:
        raise _invalid("query", "invalid operator specified: ")
    if kind not in TYPES:
        raise _invalid("type", f"only {' and '.join(TYPES)} are known here")
    options = body.get("options") or {}
    thresholds = options.get("thresholds") or {} if isinstance(options, dict) else None
    if not isinstance(thresholds, dict):
        raise _invalid("options", "options and thresholds must be objects")
    critical = thresholds.get("critical")
    if critical is not None and critical != float(match["threshold"]):
        raise _invalid(
            "query", f"Alert threshold ({critical}) does not match that used in the query ({match['threshold']})."
        )
    try:
        return parse(match["query"])
    except QueryError as error:
        raise _invalid("query", str(error)) from error


def made_monitor(body: Any, index: int, at: datetime) -> dict[str, Any]:
    """What creating a monitor answers. Raises MonitorError."""
    expressions = check_monitor(body)
    grouped = any(isinstance(one, Selection) and one.by for one in expressions)
    defaults = {
        "notify_no_data": False,
        "notify_audit": False,
        "new_host_delay": 300,
        "include_tags": True,
        "silenced": {},
    }
    written = at.isoformat(timespec="microseconds")
    return {
        "id": FIRST_ID + index,
        "org_id": 321813,
        "type": "query alert",
        "name": str(body.get("name", "")),
        "message": str(body.get("message", "")),
        "tags": list(body.get("tags") or ()),
        "query": body["query"],
        "options": defaults | (body.get("options") or {}),
        "multi": grouped,
        "created_at": int(at.timestamp()) * 1000,
        "created": written,
        "modified": written,
        "deleted": None,
        "restricted_roles": None,
        "priority": body.get("priority"),
        "overall_state_modified": None,
        "overall_state": "No Data",
        "creator": {"name": None, "handle": "standin@example.com", "email": "standin@example.com", "id": 1},
    }


def _invalid(parameter: str, why: str) -> MonitorError:
    return MonitorError(f"The value provided for parameter '{parameter}' is invalid: {why}")
