"""What a flow test says when a claim does not hold: what was expected, what came, and why, as far as that is known."""

import json
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from pydantic_core import from_json

from engine.functions import to_text
from engine.graph import Place
from engine.program import UTC
from grammar.diagnostics import Diagnostic, Stretch, excerpt, place, printable
from grammar.flowtest.nodes import Command, ExpectError, ExpectGoal, ExpectMessage, ExpectRun, ExpectSegment
from grammar.flowtest.scanner import RESERVED_VISITORS
from grammar.source import Span
from grammar.wording import counted, listed
from variables.store import DeadLetter, Message, Outgoing
from variables.values import Value, iso

_SHOWN_MESSAGES = 5
_SHOWN_TEXT = 90
"""Characters of a text, around the place where it differs."""


@dataclass(frozen=True, slots=True)
class Failure:
    """The first thing in a flow test that was not as it claims. `details`: what was expected, what came, and why."""

    span: Span
    message: str
    details: tuple[str, ...] = ()

    def stretches(self) -> Iterator[Stretch]:
        """Text for people: place, message, the source line with a caret span, details."""
        yield "place", f"{place(self.span)}: "
        yield "error", "failed"
        yield "message", f": {printable(self.message)}"
        yield from excerpt(self.span, "error")
        for line in self.details:
            yield "text", f"\n  {printable(line)}"

    def render(self) -> str:
        """The same without colours."""
        return "".join(text for _, text in self.stretches())


@dataclass(frozen=True, slots=True)
class Sent:
    """A message on its way to being claimed, and the command that it came of."""

    id: str
    visitor: str
    flow: str
    channel: str
    text: str
    time: str
    cause: Command | None

    @classmethod
    def of(cls, message: Message | Outgoing, cause: Command | None) -> "Sent":
        body = from_json(message.body)
        channel = message.channel if isinstance(message, Outgoing) else "web"
        return cls(message.id, message.visitor, body["flow"], channel, body.get("text", ""), body["time"], cause)

    @property
    def claim(self) -> str:
        """The line that claims it."""
        return f"expect message {_visitor(self.visitor)} {self.flow} {self.channel} {_quoted(self.text)}"


# Messages -------------------------------------------------------------------------------------------------------------


def unclaimed(messages: Sequence[Sent]) -> Failure | None:
    """Of messages that nothing has claimed before the next command."""
    if not messages:
        return None
    first = messages[0]
    assert first.cause is not None, "every message comes of a command"
    other = "" if len(messages) == 1 else f" (and {counted(len(messages) - 1, 'more message')})"
    details = (
        "expected  every message claimed before the next command or the end of the file",
        f"came      {_described(first)}{other}",
        f"help: if it is right, write below this line: {first.claim}",
    )
    return Failure(first.cause.span, f"a message to {first.visitor} was not claimed", details)


def some_messages(span: Span, messages: Sequence[Sent]) -> Failure | None:
    if not messages:
        return None
    return Failure(span, "there are messages that nothing has claimed", ("expected  none", *_came(messages)))


def no_message(command: ExpectMessage, why: Sequence[str], others: Sequence[Sent]) -> Failure:
    details = [_expected(command), "came      none", *why]
    if others:
        details += ["messages to other visitors:", *(f"  {_described(sent)}" for sent in others[:_SHOWN_MESSAGES])]
    return Failure(command.span, f"no message to {command.visitor.text} is left to claim", tuple(details))


def other_message(command: ExpectMessage, sent: Sent) -> Failure | None:
    """None if the message is the one that was expected."""
    for word, came, what in (
        (command.flow, sent.flow, "flow"),
        (command.channel, sent.channel, "channel"),
        (command.text, sent.text, "text"),
    ):
        if word is not None and word.text != came:
            message = f"the next message to {sent.visitor} has another {what}"
            if what == "text":
                return Failure(word.span, message, _difference(word.text, came))
            return Failure(word.span, message, (_expected(command), f"came      {_described(sent)}"))
    return None


def told(lines: Sequence[str]) -> Sequence[str]:
    """Why a flow sent nothing (more), as an explanation has it."""
    first, *rest = lines
    return [f"why: {first}", *rest]


def not_called_for(flow: str) -> Sequence[str]:
    return [f"why: nothing that starts {flow} happened to this visitor in the last command"]


def waits(flow: str, place: Place, due: str | None) -> Sequence[str]:
    """Why a run has not sent anything yet."""
    until = "" if due is None else f" until {_time(due)}"
    return [f"why: a run of {flow} waits{until}, at {place.file}:{place.line}: {place.text}"]


def _came(messages: Sequence[Sent]) -> Sequence[str]:
    shown = [_described(sent) for sent in messages[:_SHOWN_MESSAGES]]
    if len(messages) > _SHOWN_MESSAGES:
        shown.append(f"and {len(messages) - _SHOWN_MESSAGES} more")
    return [f"{'came' if index == 0 else '':<10}{line}" for index, line in enumerate(shown)]


def _expected(command: ExpectMessage) -> str:
    channel = "" if command.channel is None else f" over {command.channel.text}"
    text = "" if command.text is None else f": {_shortened(_quoted(command.text.text))}"
    return f"expected  from {command.flow.text} to {command.visitor.text}{channel}{text}"


def _described(sent: Sent) -> str:
    text = _shortened(_quoted(sent.text))
    return f"from {sent.flow} to {sent.visitor} over {sent.channel} at {_time(sent.time)}: {text}"


def _difference(expected: str, came: str) -> tuple[str, ...]:
    """Both texts, from a little before the place where they part, and a caret below it."""
    left, right = _quoted(expected), _quoted(came)
    same = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    start = 0 if max(len(left), len(right)) <= _SHOWN_TEXT else max(0, same - _SHOWN_TEXT // 3)
    lead = "…" if start else ""
    lines = [_shortened(lead + text[start:]) for text in (left, right)]
    pad = _blank(lead + right[start:same])
    return f"expected  {lines[0]}", f"came      {lines[1]}", f"          {pad}^"


# What went wrong without a claim --------------------------------------------------------------------------------------


def set_aside(span: Span, dead: Sequence[DeadLetter]) -> Failure | None:
    """Of items that broke the engine: in the product they are set aside, so that nobody waits for them."""
    if not dead:
        return None
    return Failure(
        span, "Whenflow could not work on this, which is a fault of its own", (f"came      {dead[0].reason}",)
    )


def misfit(span: Span, name: str, reason: str, value: Value, values: Mapping[str, Value]) -> Failure:
    details = (f"expected  {name} {reason}", f"came      {_shown(value)}", *_values(values))
    return Failure(span, f"this value does not fit {name}", details)


# Other claims ---------------------------------------------------------------------------------------------------------


def not_true(span: Span, visitor: str, values: Mapping[str, Value]) -> Failure:
    return Failure(span, f"this is not true for {visitor}", tuple(_values(values)))


def other_members(command: ExpectSegment, members: set[str]) -> Failure | None:
    expected = {visitor.text for visitor in command.visitors}
    if members == expected:
        return None
    details = [f"expected  {_visitors(expected)}", f"came      {_visitors(members)}"]
    if expected - members:
        details.append(f"missing   {_visitors(expected - members)}")
    if members - expected:
        details.append(f"too many  {_visitors(members - expected)}")
    return Failure(command.span, f"the segment {command.segment.text} has other members", tuple(details))


def other_course(command: ExpectRun | ExpectGoal) -> Failure:
    """Of a run or a goal that is not there, or is and should not be."""
    visitor, flow = command.visitor.text, command.flow.text
    what, verb = ("run", "is in progress") if isinstance(command, ExpectRun) else ("goal", "was counted")
    expected, came = (f"a {what} of {flow}", "none") if command.wanted else ("none", f"a {what} of {flow}")
    message = f"{'no' if command.wanted else 'a'} {what} of {flow} {verb} for {visitor}"
    return Failure(command.span, message, (f"expected  {expected}", f"came      {came}"))


def other_errors(command: ExpectError, found: Sequence[Diagnostic]) -> Failure:
    came = [f"{diagnostic.code}: {diagnostic.message}" for diagnostic in found] or ["no error"]
    details = [f"{'came' if index == 0 else '':<10}{line}" for index, line in enumerate(came)]
    message = f"checking this expression does not give {command.code.text}"
    return Failure(command.expression, message, (f"expected  a code that begins with {command.code.text}", *details))


# Values ---------------------------------------------------------------------------------------------------------------


def written(span: Span) -> str:
    """How something stands in its file, as one line."""
    return " ".join(span.source.text[span.start : span.end].split())


def _values(values: Mapping[str, Value]) -> Sequence[str]:
    return [f"{name} = {_shown(value)}" for name, value in values.items()]


def _shown(value: Value) -> str:
    """As an author would write it."""
    match value:
        case str():
            return _shortened(_quoted(value))
        case datetime():
            return _time(iso(value))
        case timedelta():
            return to_text(value, UTC) or ""
        case list() | dict():
            return _shortened(json.dumps(value, ensure_ascii=False))
        case _:
            return repr(value)


def _time(instant: str) -> str:
    """`2026-01-01 10:00:00 UTC`."""
    return instant.replace("T", " ").removesuffix("Z") + " UTC"


def _quoted(text: str) -> str:
    """As a text literal in one line."""
    return json.dumps(text, ensure_ascii=False)


def _shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_TEXT else text[: _SHOWN_TEXT - 1] + "…"


def _visitor(visitor: str) -> str:
    plain = visitor.replace("-", "_").replace(".", "_")
    return visitor if plain.isidentifier() and visitor not in RESERVED_VISITORS else _quoted(visitor)


def _visitors(visitors: set[str]) -> str:
    return listed([_visitor(visitor) for visitor in sorted(visitors)], "and") or "nobody"


def _blank(text: str) -> str:
    """As wide on a screen as a text is."""
    return "".join(" " * (2 if unicodedata.east_asian_width(char) in "WF" else 1) for char in text)
