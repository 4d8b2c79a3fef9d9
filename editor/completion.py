"""What may be written at a place. It works while the text is broken, since it asks only for the tokens before."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from zoneinfo import available_timezones

from editor.expressions import expression_of, literal_sort, wants_value
from editor.items import Item, Kind, Known, keywords, known, words
from editor.lines import Statement, Tokens, place_of, read_tokens, statement_before
from editor.surroundings import Surroundings, Where, braces_around, surroundings
from grammar import reference
from grammar.names import Sort
from grammar.nodes import Script
from grammar.source import Source

__all__ = ["Completions", "Item", "Kind", "complete"]

_OPERATORS = ("and", "or", "not in", "in", "is None", "is not None", "if", "else")
_CONSTANTS = ("True", "False", "None", "not")
_DAYS = ("mon-fri", "sat,sun", "mon-sun", "mon", "tue", "wed", "thu", "fri", "sat", "sun")


@dataclass(frozen=True, slots=True)
class Completions:
    """What may stand in place of the text from `start` to `end` (offsets; `end` is the place asked for)."""

    start: int
    end: int
    items: tuple[Item, ...]


def complete(source: Source, offset: int, script: Script) -> Completions:
    """What may be written at an offset of a source, in a program of these declarations."""
    text = source.text
    offset = min(max(offset, 0), len(text))
    around = surroundings(text, offset)
    if around.where is Where.COMMENT:
        return Completions(offset, offset, ())
    if around.where is Where.CODE:
        start = _word_start(text, offset)
        line = statement_before(source, start)
        found = [] if text[start:offset][:1].isdigit() else _in_code(source, line, known(script))
        return Completions(start, offset, tuple(found))
    return _in_text(source, offset, script, around)


def _word_start(text: str, offset: int) -> int:
    while offset and ("a" + text[offset - 1]).isidentifier():
        offset -= 1
    return offset


# Code -----------------------------------------------------------------------------------------------------------------


def _in_code(source: Source, line: Statement, names: Known) -> list[Item]:
    if not line.tokens and not line.in_segment:
        return list(_beginnings(line))
    expression = expression_of(line)
    if expression is None:
        return list(_after_words(line, names))
    found = [*_values_or_operators(expression, names, source, line)]
    if expression and not wants_value(expression):
        found += keywords(*{"goal": ("within",), "wait": ("for",)}.get(line.head, ()))
    return found


def _beginnings(line: Statement) -> Iterator[Item]:
    """The words that may begin a line."""
    header = line.header
    if not line.headers:
        yield from words(reference.DECLARATIONS)
    elif header[:2] == ("send", "web"):
        yield from words(reference.WEB_PARTS)
    elif header[:2] == ("send", "email"):
        yield from words(reference.EMAIL_PARTS)
    elif header[:1] != ("split",):
        if header[:1] == ("flow",):
            yield from words(reference.CLAUSES)
        yield from words(reference.STEPS)
        yield from words({word: reference.BRANCHES[word] for word in _branches(line)})


def _branches(line: Statement) -> tuple[str, ...]:
    """What may follow the block above."""
    head = line.before[0].text if line.before else ""
    is_until = len(line.before) > 1 and line.before[1].text == "until"
    if head in ("if", "elif"):
        return ("elif", "else")
    return ("timeout",) if head == "wait" and is_until else ()


def _after_words(line: Statement, names: Known) -> Iterator[Item]:
    """What follows the words of a line that is no expression there."""
    written = [token.text for token in line.tokens]
    count, last = len(written), written[-1]
    match line.head:
        case "field" if count == 2 and not line.headers:
            yield from (Item(name, Kind.TYPE, doc=doc) for name, doc in reference.FIELD_TYPES.items())
        case "on" if line.headers:
            yield from _triggers(line, names)
        case "limit" if count == 1:
            yield from keywords("once")
        case "limit" if count == 2 and last != "once":
            yield from keywords("per")
        case "exit" if count == 1:
            yield from keywords("when")
        case "send" if count == 1:
            yield from words(reference.CHANNELS)
        case "send" if written[1] == "webhook" and count == 3:
            yield from keywords("with")
        case "send" if written[1] == "webhook" and last in ("with", ","):
            yield from names.everywhere.values()
        case "set" if count == 1:
            yield from names.writable
        case "wait" if count == 1:
            yield from keywords("until")
        case "button" if count == 2:
            yield from keywords("link")


def _triggers(line: Statement, names: Known) -> Iterator[Item]:
    last = line.tokens[-1].text
    first_of_trigger = len(line.tokens) > 1 and (len(line.tokens) == 2 or line.tokens[-2].text == ",")
    if len(line.tokens) == 1 or last == ",":
        yield from names.events
        yield from words(reference.TRIGGERS)
    elif first_of_trigger and last == "event":
        yield from names.seqs
    elif first_of_trigger and last == "any":
        yield from keywords("event")
    elif first_of_trigger and last in ("enter", "leave"):
        yield from names.segments
    elif first_of_trigger and last == "change":
        yield from names.stored


def _values_or_operators(tokens: Tokens, names: Known, source: Source, line: Statement) -> Iterator[Item]:
    if tokens and tokens[-1].type == "DOT":  # the keys of json are known to nobody
        return
    if not wants_value(tokens):
        yield from keywords(*_OPERATORS)
        return
    yield from names.at(place_of(source, line)).values()
    yield from names.functions
    yield from keywords(*_CONSTANTS)


# Texts ----------------------------------------------------------------------------------------------------------------


def _in_text(source: Source, offset: int, script: Script, literal: Surroundings) -> Completions:
    line = statement_before(source, literal.start)
    braces = braces_around(source.text, literal, offset) if line.has_template else None
    if braces is None:
        items = _literals(line.tokens, line, known(script), source.text[literal.body : offset])
        return Completions(literal.body, offset, items)
    inner = surroundings(source.text, offset, *braces)
    if inner.where is Where.TEXT:
        before = read_tokens(source, braces[0], inner.start)
        items = _literals(before, None, known(script), source.text[inner.body : offset])
        return Completions(inner.body, offset, items)
    start = max(_word_start(source.text, offset), braces[0])
    if inner.where is Where.COMMENT or source.text[start:offset][:1].isdigit():
        return Completions(offset, offset, ())
    tokens = read_tokens(source, braces[0], start)
    return Completions(start, offset, tuple(_values_or_operators(tokens, known(script), source, line)))


def _literals(tokens: Tokens, line: Statement | None, names: Known, written: str) -> tuple[Item, ...]:
    """What a text literal behind these tokens may hold, if that can be told."""
    if "\n" in written:
        return ()
    if line is not None and line.head == "hours" and line.headers:
        given = len(line.tokens) - 1
        return () if given == 0 else (*(_days() if given == 1 else ()), *_zones(written))
    if line is not None and line.head == "on" and line.headers and tokens[-1].text in ("on", ","):
        return names.event_texts
    match literal_sort(tokens):
        case Sort.SEGMENT:
            return names.segments
        case Sort.ZONE:
            return _zones(written)
        case Sort.DAYS_OR_ZONE | Sort.DAYS:
            return (*_days(), *_zones(written))
        case _:
            return ()


def _days() -> tuple[Item, ...]:
    return tuple(Item(days, Kind.VALUE) for days in _DAYS)


def _zones(written: str) -> tuple[Item, ...]:
    return tuple(item for item in _all_zones() if written.casefold() in item.label.casefold())


@cache
def _all_zones() -> tuple[Item, ...]:
    return tuple(Item(zone, Kind.VALUE) for zone in sorted(available_timezones()))
