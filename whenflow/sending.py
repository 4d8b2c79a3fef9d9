"""Reporting an event from the command line: the same entry in the same log as a page's."""

import time
from typing import Any

from pydantic_core import to_json

from ingest.door import Door
from variables.items import read_batch
from variables.store import Entry

FOLD_PATIENCE = 10.0
"""Seconds to wait until the event is folded."""


class UnknownEvent(Exception):
    """The app's program declares no event of this name."""


async def send(door: Door, visitor: str, event_name: str, data: Any, times: int) -> bool:
    """Appends an event `times` times; whether it is folded now. Raises UnknownEvent, BadBody, StoreUnavailable."""
    events = door.catalogue.events
    event = events.get(event_name)
    if event is None:
        known = ", ".join(events) or "none: apply a program first"
        raise UnknownEvent(f'{door.app} has no event "{event_name}"; it has {known}')
    item = {"track_event": {"event_name": event.name, "event_uuid": event.uuid, "event_data": data}}
    body = to_json({"visitor": visitor, "sent_at": time.time(), "items": [item] * times})
    read_batch(body)  # what is no batch would only be set aside
    id = await door.appender(visitor).append(Entry(body))
    return await door.news(visitor).folded(id, FOLD_PATIENCE)
