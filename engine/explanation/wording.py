"""All that an explanation says, in the words of those who write flows and of marketers."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from engine.explanation.parts import Part, Reading, written
from engine.functions import to_text
from engine.graph import Place
from engine.traces import Seen
from grammar.nodes import Limit
from grammar.wording import counted, listed, quoted
from variables.values import EPOCH, MILLISECOND, Value

_MOST_PARTS = 3
"""Parts of a condition that a sentence names; a list beside it has them all."""
_SHOWN_TEXT = 100
"""Characters of a text, or of a part of a condition."""
_SHOWN_CONDITION = 60
"""Characters of a whole condition in a sentence that says more besides."""

NO_VALUE = "no value"


# Instants and values --------------------------------------------------------------------------------------------------


def clock(milliseconds: int, zone: ZoneInfo) -> str:
    """`2026-03-02 13:00:05`, with `.120` where there are milliseconds, in a zone that is said elsewhere."""
    local = (EPOCH + milliseconds * MILLISECOND).astimezone(zone).replace(tzinfo=None)
    return local.isoformat(" ", "milliseconds" if local.microsecond else "seconds")


def value(given: Value, zone: ZoneInfo | None = None) -> str:
    """As an author would write it."""
    match given:
        case None:
            return NO_VALUE
        case str():
            return shortened(json.dumps(given, ensure_ascii=False))
        case datetime():
            return clock((given - EPOCH) // MILLISECOND, zone or ZoneInfo("UTC"))
        case timedelta():
            return to_text(given, ZoneInfo("UTC")) or ""
        case list() | dict():
            return shortened(json.dumps(given, ensure_ascii=False))
    return repr(given)


def shortened(text: str) -> str:
    return text if len(text) <= _SHOWN_TEXT else text[: _SHOWN_TEXT - 1] + "…"


def _values(values: Mapping[str, Value], zone: ZoneInfo, verb: str) -> str:
    """`event_count_1 was 3, user_country had no value`."""
    has = {"was": "had", "is": "has"}[verb]
    return ", ".join(
        f"{name} {has} {NO_VALUE}" if given is None else f"{name} {verb} {value(given, zone)}"
        for name, given in values.items()
    )


class Tense:
    """Sentences about conditions, as they were or as they are."""

    def __init__(self, zone: ZoneInfo, *, past: bool) -> None:
        self._zone = zone
        self._verb = "was" if past else "is"

    def why(self, reading: Reading) -> str:
        """What made a condition false or true: `event_count_1 > 5 is false: event_count_1 was 3`."""
        deciding = reading.deciding
        said = [self._part(part) for part in deciding[:_MOST_PARTS]]
        if len(deciding) > _MOST_PARTS:
            said.append(f"and {counted(len(deciding) - _MOST_PARTS, 'more part')}")
        return "; ".join(said) or f"{shortened(reading.text)} is {_truth(reading.holds)}"

    def _part(self, part: Part) -> str:
        must = " (and must not be)" if part.negated and part.holds is not None else ""
        said = f"{shortened(part.text)} is {_truth(part.holds)}{must}"
        if part.inside:
            inside = [self._part(each) for each in part.inside if each.decides]
            return f"{said}, because {' and '.join(inside[:_MOST_PARTS])}" if inside else said
        values = _values(part.values, self._zone, self._verb)
        if list(part.values) == [part.text]:
            return values + must
        return f"{said}: {values}" if values else said

    def values(self, values: Mapping[str, Value]) -> str:
        return _values(values, self._zone, self._verb)

    def with_values(self, reading: Reading) -> str:
        """A condition that held, and the values that made it so: `event_count_1 > 5: event_count_1 was 6`."""
        values = {name: given for part in _leaves(reading.deciding) for name, given in part.values.items()}
        said = _values(dict(list(values.items())[:_MOST_VALUES]), self._zone, self._verb)
        if list(values) == [reading.text]:
            return said
        text = reading.text if len(reading.text) <= _SHOWN_CONDITION else "its condition"
        return f"{text} is true" + (f": {said}" if said else "")


_MOST_VALUES = 6


def _leaves(parts: Iterable[Part]) -> Iterable[Part]:
    for part in parts:
        if part.inside:
            yield from _leaves([each for each in part.inside if each.decides])
        else:
            yield part


def listing(parts: Sequence[Part], zone: ZoneInfo, indent: str = "") -> list[str]:
    """Each part in a line: `yes  event_count_1 > 5    event_count_1 = 6`."""
    width = min(max((len(part.text) for part in parts), default=0), _WIDEST)
    lines = []
    for part in parts:
        holds = "?  " if part.holds is None else "yes" if part.holds else "no "
        values = ", ".join(f"{name} = {value(given, zone)}" for name, given in part.values.items())
        lines.append(f"{indent}{holds} {shortened(part.text):<{width}}  {values}".rstrip())
        lines += listing(part.inside, zone, indent + "    ")
    return lines


_WIDEST = 50
"""Characters of a part's text, beside which values still stand in a column."""


def _truth(holds: bool | None) -> str:
    return "not known" if holds is None else "true" if holds else "false"


# What happened --------------------------------------------------------------------------------------------------------


def happened(what: str, event: str | None, seen: Seen) -> str:
    """`webclick`; what came of it stands behind: `a visit, entered heavy`."""
    said = [event or _HAPPENED.get(what, what)]
    if seen.is_birth:
        said.append("the visitor's first")
    said += [f"entered {name}" for name in seen.entered]
    said += [f"left {name}" for name in seen.left]
    return ", ".join(said)


_HAPPENED = {
    "visit": "a visit",
    "set": "fields set",
    "identify": "identified",
    "ping": "a sign of life",
    "time": "by the passing of time",
    "meeting": "a program was applied",
    "set by a flow": "what a flow had set",
}


# Starts: each a whole sentence ----------------------------------------------------------------------------------------


def started(flow: str, at: str, cause: str, why: str | None) -> str:
    return f"{flow} started at {at} ({cause})" + (f", because {why}." if why else ".")


def false(flow: str, at: str, cause: str, why: str) -> str:
    return f"{flow} did not start at {at} ({cause}): {why}."


def true_before(flow: str, at: str, cause: str, why: str) -> str:
    return (
        f"{flow} did not start at {at} ({cause}), because its condition was true already before ({why}): "
        "it starts only as that turns from false to true."
    )


def untold(flow: str, at: str, cause: str) -> str:
    return (
        f"{flow} did not start at {at} ({cause}). Why is not known any more: not all values that it reads were kept, "
        "because they were too long, or another version of Whenflow ran."
    )


def refused(flow: str, at: str, cause: str, why: str) -> str:
    return f"{flow} was called for at {at} ({cause}), but did not start: {why}."


def went_on(flow: str, at: str, cause: str) -> str:
    return f"A run of {flow}, at {at} ({cause}):"


def limit_reached(limit: Limit | None, until: str | None) -> str:
    said = "its limit is reached" + ("" if limit is None else f" ({quoted(written(limit.span))})")
    return f"{said}; it never starts for this visitor again" if until is None else f"{said}, until {until}"


IN_PROGRESS = "a run of it is in progress"


def in_progress(place: Place | None, until: str | None) -> str:
    said = "a run of it was in progress"
    if place is not None:
        said += f", waiting {_at(place)}"
    return said + ("" if until is None else f" until {until}")


def exit_holds(why: str | None) -> str:
    return "its exit was true already" + (f", because {why}" if why else "")


def exit_is_true(why: str) -> str:
    return f"its exit is true, because {why}"


def dropped(loop: str) -> str:
    return f"Flows started each other over and over ({loop}), 16 times at one instant: what came after was dropped."


# Runs: each a whole sentence ------------------------------------------------------------------------------------------


def _at(place: Place | None) -> str:
    """`at shop.flow:14 (wait 1d)`."""
    return "" if place is None else f"at {place.file}:{place.line} ({shortened(place.text.strip().removesuffix(':'))})"


_CHANNELS = {
    "web": "a message to the page",
    "email": "an e-mail",
    "webhook": "a webhook",
    "message": "a message",
}


def sent(channel: str, place: Place | None, id: str, text: str | None) -> str:
    where = "" if place is None else f" at {place.file}:{place.line}"
    said = "" if text is None else f": {value(text)}"
    return f"It sent {_CHANNELS[channel]}{where}{said} (id {id})."


def no_address(place: Place | None, values: str) -> str:
    return f"It sent no e-mail {_at(place)}, because there was no address" + (f": {values}." if values else ".")


def held(place: Place | None, until: str | None) -> str:
    return f"It was outside the flow's hours {_at(place)}: the message waits until {until}."


def branched(place: Place | None, arms: Sequence[str], taken: bool) -> str:
    said = "; ".join(arms)
    if taken:
        return f"{_began(place)}, {said}."
    return f"{_began(place)}, it took the way of `else`" + (f": {said}." if said else ".")


def _began(place: Place | None) -> str:
    return "At an `if`" if place is None else f"At {place.file}:{place.line}"


def divided(place: Place | None, arm: str) -> str:
    return f"It took the arm {value(arm)} {_at(place)}." if arm else f"It fell in no arm {_at(place)}."


def misfit(place: Place | None, needs: str) -> str:
    return f"Nothing was written {_at(place)}: the field {needs}."


def waits(place: Place | None, until: str | None, *, at_most: bool) -> str:
    return f"It began to wait {_at(place)}, until {until}{' at the latest' if at_most else ''}."


def wait_over(place: Place | None) -> str:
    return f"Its wait was over {_at(place)}."


def reached(place: Place | None, why: str | None) -> str:
    return f"What it waited for came true {_at(place)}" + (f": {why}." if why else ".")


def timed_out(place: Place | None) -> str:
    return f"What it waited for did not come true in time {_at(place)}."


def converted(why: str | None) -> str:
    return "Its goal was reached" + (f": {why}." if why else ".")


def exited(why: str | None) -> str:
    return "It was ended by the flow's exit" + (f": {why}." if why else ".")


STOPPED = "It was ended, because the flow was taken out of the program and its runs were to end."
ENDED = "It came to its end."


# How the flow stands now ----------------------------------------------------------------------------------------------


def never_seen(visitor: str) -> str:
    return f"Nobody has reported the visitor {visitor} yet, so no flow could start."


def nothing_remembered(flow: str, triggers: Sequence[str], since: str | None) -> str:
    what = f"Nothing that starts {flow} ({listed(triggers)})" if triggers else f"Nothing that {flow} looks at"
    return f"{what} has happened to this visitor{_as_far_back(since)}."


def nothing_remembered_of_gone(flow: str, since: str | None) -> str:
    return f"While {flow} was in the program, nothing that starts it happened to this visitor{_as_far_back(since)}."


def _as_far_back(since: str | None) -> str:
    return "" if since is None else f" since {since}, as far back as is remembered"


def last_happened(event: str, count: int, at: str | None) -> str:
    if not count:
        return f"{event} has never happened."
    return f"{event} has happened {counted(count, 'time')}, last at {at}."


def gone(flow: str, version: int) -> str:
    return f"{flow} is not in the program any more: version {version} was the last that had it."


def starts_so_far(flow: str, starts: int, last: str | None) -> str:
    if not starts:
        return f"{flow} has never started for this visitor."
    return f"{flow} has started {counted(starts, 'time')} for this visitor, last at {last}."


def holds_now(why: str) -> str:
    return f"Now its condition holds: {why}."


def would_start(on: Sequence[str], refusals: Sequence[str]) -> str:
    """`on`: what a flow waits for; none for one that starts as its condition turns true."""
    when = f"With the next {listed(on)}" if on else "The next time that its condition turns from false to true"
    if refusals:
        return f"{when} a start would be refused, as things stand: {'; '.join(refusals)}."
    return f"{when} it would start."


def false_now(why: str) -> str:
    return f"Now its condition is false: {why}."


def depends_on_event(on: Sequence[str]) -> str:
    return f"Whether its condition holds depends on the next {listed(on)}."


def segment_now(segment: str, why: str, *, inside: bool) -> str:
    return f"Now the visitor is {'in' if inside else 'not in'} {segment}: {why}."


def until_when(at: str | None, *, turns: bool, holds: bool) -> str:
    if at is None:
        return "Time alone does not change that."
    if turns:
        return f"If nothing else happens, that is so until {at}: then it turns {'false' if holds else 'true'}."
    return f"Until {at} at least, time alone does not change that."


def waits_now(place: Place | None, version: int, since: str | None, until: str | None) -> str:
    said = f"A run of it waits {_at(place)}, in version {version} of the program"
    said += "" if since is None else f", since {since}"
    return said + ("." if until is None else f", until {until}.")


def goal_open(until: str) -> str:
    return f"A run of it has ended; its goal still counts until {until}."


def outside_hours(until: str) -> str:
    return f"It is outside its hours: what it sends would wait until {until}."


# What cannot be explained ---------------------------------------------------------------------------------------------


def no_such_flow(flow: str, nearest: str | None) -> str:
    said = f"there is no flow {quoted(flow)} in the program, and there was none"
    return f"{said}; did you mean {quoted(nearest)}?" if nearest else said
