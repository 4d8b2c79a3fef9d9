"""Items: the things that a page or a server reports, as they arrive in a request's body and lie in the log.

The same functions read a body at the door (`ingest`) and out of the log (`engine.processor`), so both see one meaning.
"""

from dataclasses import dataclass
from typing import Annotated, Any, Literal, TypeGuard

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, TypeAdapter, ValidationError
from pydantic_core import from_json

from variables.lenient_json import DEEPEST, read_leniently
from variables.values import LARGEST_INT, Misfit, Value, timestamp, write_json


class BadBody(ValueError):
    """A request's body is no JSON or has not the shape of a batch; the message says where and what would do."""


class BadItem(ValueError):
    """One item cannot be taken; its neighbours can. `code` is stable, the message is for the page's developer."""

    def __init__(self, code: str, detail: str) -> None:
        super().__init__(detail)
        self.code = code
        self.detail = detail


# What an item says ----------------------------------------------------------------------------------------------------

Status = Literal["shown", "closed", "clicked"]


@dataclass(slots=True)
class Track:
    """A tracked event. `data` is compact JSON; `time` is the page's own clock in milliseconds, if it gave one."""

    name: str
    uuid: str
    data: bytes
    time: int | None


@dataclass(frozen=True, slots=True)
class Visit:
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class SetFields:
    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Identify:
    """`values` has `ent_user_id`, and may have other fields."""

    values: dict[str, Value]


@dataclass(frozen=True, slots=True)
class Receipt:
    message: str
    status: Status


@dataclass(frozen=True, slots=True)
class Ping:
    """A sign of life of a visible page."""


Content = Track | Visit | SetFields | Identify | Receipt | Ping


@dataclass(slots=True)
class Item:
    """One item; it never changes.

    `client` and `n`, or `id`, let a second copy of it be recognised (DESIGN.md, "Counted once").
    """

    content: Content
    client: str | None = None
    n: int | None = None
    id: str | None = None
    from_server: bool = False
    clock_error: int = 0
    """Milliseconds that the sender's clock is behind the store's: what its own times are corrected by."""


# The shapes on the wire -----------------------------------------------------------------------------------------------

LONGEST_IDENTIFIER = 128
Identifier = Annotated[str, StringConstraints(min_length=1, max_length=LONGEST_IDENTIFIER, strict=True)]
_shape = ConfigDict(strict=True, extra="ignore", allow_inf_nan=False)


class _TrackEvent(BaseModel):
    model_config = _shape
    event_name: str
    event_uuid: str
    event_data: Any = None
    event_timestamp: Any = None


class _Receipt(BaseModel):
    model_config = _shape
    message: Identifier
    status: Status


class _Ping(BaseModel):
    model_config = _shape


class _Item(BaseModel):
    model_config = _shape
    n: Annotated[int, Field(ge=0, le=LARGEST_INT)] | None = None
    id: Identifier | None = None
    track_event: _TrackEvent | None = None
    visit: dict[str, Any] | None = None
    set: dict[str, Any] | None = None
    identify: dict[str, Any] | None = None
    receipt: _Receipt | None = None
    ping: _Ping | None = None


class _Envelope(BaseModel):
    model_config = _shape
    visitor: Identifier
    client: Identifier | None = None
    sent_at: Any = None
    items: list[Any] | None = None


KINDS = ("track_event", "visit", "set", "identify", "receipt", "ping")
_envelope = TypeAdapter(_Envelope).validator
_item = TypeAdapter(_Item).validator
"""The validators themselves: an adapter's own method is a detour of a microsecond, twice an item."""


# What plainly fits ----------------------------------------------------------------------------------------------------
#
# Nearly all items are tracked events of the plainest shape, and a validator costs more than all the rest of reading
# one. So what plainly fits is taken as it is; the validators, who know every shape and every fault, judge the rest.


def _is_plain(value: Any) -> TypeGuard[str]:
    """Whether this is an identifier, and one of ASCII letters and signs alone."""
    return type(value) is str and 0 < len(value) <= LONGEST_IDENTIFIER and value.isascii()


def _plain_event(document: Any) -> dict[str, Any] | None:
    """The tracked event of an item that has nothing else but `n` and `id`; None for anything else."""
    if type(document) is not dict or type(event := document.get("track_event")) is not dict:
        return None
    n, id = document.get("n"), document.get("id")
    if len(document) != 1 + ("n" in document) + ("id" in document):
        return None
    if n is not None and not (type(n) is int and 0 <= n <= LARGEST_INT):
        return None
    if id is not None and not _is_plain(id):
        return None
    name, uuid = event.get("event_name"), event.get("event_uuid")
    fits = type(name) is str and type(uuid) is str and name.isascii() and uuid.isascii()
    return event if fits else None


# Reading --------------------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class Batch:
    """A request's body, read: whose it is and its items, each still as the JSON it came as."""

    visitor: str
    client: str | None
    sent_at: int | None
    """Milliseconds on the sender's clock when it sent the batch."""
    items: list[Any]
    body: bytes
    """What goes into the log: the body as it came, or mended where a strict JSON reader would refuse it whole."""

    def item(self, index: int, received: int, from_server: bool = False) -> Item:
        """The item at an index; `received` is when its batch reached the store, in milliseconds. Raises BadItem."""
        clock_error = 0 if self.sent_at is None else received - self.sent_at
        return _read_item(self.items[index], self.client, clock_error, from_server)

    def receipts(self) -> list[str]:
        """The ids of the messages that receipts among the items speak of."""
        receipts = [item["receipt"] for item in self.items if isinstance(item, dict) and "receipt" in item]
        messages = [receipt.get("message") for receipt in receipts if isinstance(receipt, dict)]
        return [message for message in messages if isinstance(message, str)]


def read_batch(body: bytes) -> Batch:
    """Reads a request's body (DESIGN.md section 9). Raises BadBody."""
    try:
        document = from_json(body, allow_inf_nan=False, cache_strings="keys")
    except ValueError:
        document = _read_leniently(body)
        body = write_json(document)
    if not isinstance(document, dict):
        raise BadBody('the body must be a JSON object such as {"visitor": "v1", "items": […]}')
    visitor, client, sent_at, items = _envelope_of(document)
    if sent_at is not None:
        try:
            sent_at = timestamp(sent_at)
        except Misfit as misfit:
            raise BadBody(f"sent_at: {misfit}") from None
    return Batch(visitor, client, sent_at, [document] if items is None else items, body)


def _envelope_of(document: dict[str, Any]) -> tuple[str, str | None, Any, list[Any] | None]:
    """Visitor, client, `sent_at` and items. Raises BadBody."""
    visitor, client, items = document.get("visitor"), document.get("client"), document.get("items")
    if _is_plain(visitor) and (client is None or _is_plain(client)) and type(items) is list:
        return visitor, client, document.get("sent_at"), items
    try:
        envelope: _Envelope = _envelope.validate_python(document)
    except ValidationError as error:
        raise BadBody(_first_problem(error)) from None
    return envelope.visitor, envelope.client, envelope.sent_at, envelope.items


def _read_leniently(body: bytes) -> Any:
    try:
        return read_leniently(body)
    except ValueError as error:
        raise BadBody(f"the body is no JSON: {error}") from None


def _read_item(document: Any, client: str | None, clock_error: int, from_server: bool) -> Item:
    plain = _plain_event(document)
    if plain is not None:
        return Item(_track(plain), client, document.get("n"), document.get("id"), from_server, clock_error)
    if document is None:
        raise BadItem("bad_item", f"an item is an object, and nested less than {DEEPEST} levels deep")
    try:
        shape: _Item = _item.validate_python(document)
    except ValidationError as error:
        raise BadItem("bad_item", _first_problem(error)) from None
    return Item(_content(shape, document), client, shape.n, shape.id, from_server, clock_error)


def _content(shape: _Item, document: dict[str, Any]) -> Content:
    given = [kind for kind in KINDS if document.get(kind) is not None]
    if len(given) != 1:
        found = " and ".join(given) or ", ".join(list(document)[:5]) or "nothing"
        raise BadItem("bad_item", f"an item has exactly one of {', '.join(KINDS)}; this one has {found}")
    if shape.track_event is not None:
        return _track(dict(shape.track_event))
    if shape.visit is not None:
        return Visit(shape.visit)
    if shape.set is not None:
        return SetFields(shape.set)
    if shape.identify is not None:
        return _identify(shape.identify)
    if shape.receipt is not None:
        return Receipt(shape.receipt.message, shape.receipt.status)
    return Ping()


def _track(event: dict[str, Any]) -> Track:
    time = event.get("event_timestamp")
    if time is not None:
        try:
            time = timestamp(time)
        except Misfit as misfit:
            raise BadItem("bad_timestamp", f"event_timestamp {misfit}") from None
    return Track(event["event_name"], event["event_uuid"].strip().lower(), write_json(event.get("event_data")), time)


def _identify(values: dict[str, Value]) -> Identify:
    user = values.get("ent_user_id")
    if not isinstance(user, str) or not user:
        raise BadItem("bad_item", "identify needs ent_user_id, a text that is not empty")
    return Identify(values)


def _first_problem(error: ValidationError) -> str:
    problem = error.errors(include_url=False, include_context=False, include_input=False)[0]
    where = ".".join(str(step) for step in problem["loc"])
    return f"{where}: {problem['msg']}" if where else problem["msg"]
