"""A commit status on GitHub, where the service's `/__version__` names its source and its commit."""

import re

import msgspec

from dogdriver.errors import Refused
from dogdriver.notify.delivery import Delivery, Sender, World
from dogdriver.notify.http import post

API = "https://api.github.com"
STATES = {"slower": "failure", "mixed": "failure", "faster": "success", "no_change": "success"}
LONGEST = 140  # characters of a description that GitHub takes
_REPOSITORY = re.compile(r"(?:https?://|git@|ssh://git@)?[^/:]+[/:]([\w.-]+)/([\w.-]+?)(?:\.git)?/?")
_COMMIT = re.compile(r"[0-9a-f]{40}")


async def send(delivery: Delivery, world: World) -> dict[str, object]:
    if delivery.secret is None:
        raise Refused("a commit status needs a token; name its variable with `secret_from`")
    api = (delivery.url or API).rstrip("/")
    document = delivery.document
    headers = {
        "Authorization": f"Bearer {delivery.secret.reveal()}",
        "Accept": "application/vnd.github+json",
        "X-GitHub-Api-Version": "2022-11-28",
    }
    where = _REPOSITORY.fullmatch(delivery.repository or "")
    if document["release"] is None and (where is None or delivery.commit is None):
        return {"status": "not tried: a commit status needs a release"}
    if where is None:
        raise Refused("the service's `/__version__` names no `source`, so there is no repository to tell")
    if not _COMMIT.fullmatch(delivery.commit or ""):
        raise Refused("the release has no whole commit in the service's `/__version__`, so there is none to mark")
    status = {
        "state": STATES.get(document["headline"] or "", "pending"),
        "description": _shortened(document["sentence"] or ""),
        "context": f"dogdriver/{document['project']}/{document['deployment']}",
        "target_url": document["link"],
    }
    body = msgspec.json.encode({name: value for name, value in status.items() if value is not None})
    return dict(await post(world, f"{api}/repos/{where[1]}/{where[2]}/statuses/{delivery.commit}", body, headers))


def _shortened(text: str) -> str:
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


SENDER = Sender("github", send, needs=(("secret_from",),), may=("url", "url_from"))
