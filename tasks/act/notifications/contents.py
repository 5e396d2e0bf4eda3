"""Content of a message in the forms that receivers of web hooks expect."""

from __future__ import annotations

import json

from tansaku.models.domain.notifications import Channel, Message
from tansaku.models.domain.records import JsonDict

_SCHEMA = "http://adaptivecards.io/schemas/adaptive-card.json"
_CARD = "application/vnd.microsoft.card.adaptive"


def content_of(channel: Channel, message: Message) -> bytes:
    """The body of a POST, JSON.

    Slack and Mattermost read links and markup in ``text``: what it contains is escaped or shown as it is, so that a message
    cannot call everybody. Teams takes an adaptive card.
    """
    said = f"{message.title}\n{message.text}".strip()
    forms: dict[Channel, JsonDict] = {
        "slack": {"text": _escaped(said)},
        "mattermost": {"text": said.replace("@", "@\u200b")},
        "teams": {"type": "message", "attachments": [{"contentType": _CARD, "content": _card(message)}]},
    }
    plain: JsonDict = {
        "type": f"campaign.{message.happening}",
        "timestamp": message.at.isoformat(),
        "data": {"campaign": message.campaign, "title": message.title, "text": message.text},
    }
    return json.dumps(forms.get(channel, plain), ensure_ascii=False).encode()


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(message: Message) -> JsonDict:
    blocks = [{"type": "TextBlock", "text": message.title, "weight": "bolder", "wrap": True}]
    if message.text:
        blocks.append({"type": "TextBlock", "text": message.text, "wrap": True})
    return {"$schema": _SCHEMA, "type": "AdaptiveCard", "version": "1.4", "body": blocks}
