"""Slack's incoming webhooks; Mattermost takes them, too."""

import msgspec

from dogdriver.notify.delivery import Delivery, Sender, World
from dogdriver.notify.http import post

LONGEST = 2900  # characters of a block's text; Slack takes 3000
MOST_CHANGES = 10


async def send(delivery: Delivery, world: World) -> dict[str, object]:
    return dict(await post(world, delivery.url or "", msgspec.json.encode(message(delivery)), {}))


def message(delivery: Delivery) -> dict[str, object]:
    """`text` is for what shows no blocks: a phone's lock screen, a screen reader."""
    sentence, link = delivery.document["sentence"] or "", delivery.document["link"]
    blocks = [_section(f"*{_escaped(delivery.title)}*\n{_escaped(sentence)}")]
    if delivery.changes:
        blocks.append(_section("\n".join(f"• {_escaped(line)}" for line in delivery.changes[:MOST_CHANGES])))
    if link:
        blocks.append(_section(f"<{link}|Look at it in dogDriver>"))
    return {"text": _escaped(f"{delivery.title}. {sentence}")[:LONGEST], "blocks": blocks}


def _section(text: str) -> dict[str, object]:
    return {"type": "section", "text": {"type": "mrkdwn", "text": text[:LONGEST]}}


def _escaped(text: str) -> str:
    """Slack's three: else a release called <!channel> would call everybody."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


SENDER = Sender("slack", send, needs=(("url", "url_from"),))
