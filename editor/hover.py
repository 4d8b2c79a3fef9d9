"""What an editor tells about the name at a place, and where that name is declared."""

from collections.abc import Iterator

from editor.items import known, written_name
from editor.symbols import Symbol, SymbolKind
from grammar import reference
from grammar.names import event_variable
from grammar.nodes import Event, Script, Segment
from grammar.scope import Place
from grammar.source import Span

_LONGEST_CONDITION = 400

_WORDS = {
    **reference.BRANCHES,
    **reference.STEPS,
    **reference.CLAUSES,
    **reference.DECLARATIONS,
}


def describe(symbol: Symbol, script: Script) -> str | None:
    """What a name is, as Markdown; None if nothing is known of it."""
    match symbol.kind:
        case SymbolKind.VARIABLE:
            return _variable(symbol.name, script)
        case SymbolKind.FUNCTION:
            function = reference.FUNCTION_REFERENCES[symbol.name]
            return _markdown(function.signature, function.doc)
        case SymbolKind.EVENT_NAME | SymbolKind.EVENT_SEQ:
            return _event(symbol, script)
        case SymbolKind.SEGMENT:
            return _segment(symbol.name, script)
        case SymbolKind.FIELD_TYPE:
            return _markdown(symbol.name, reference.FIELD_TYPES[symbol.name])
        case SymbolKind.WORD:
            return _word(symbol.name, symbol.context)


def declarations(symbol: Symbol, script: Script) -> tuple[Span, ...]:
    """Where a name is declared: none if nowhere, and several if it is declared more than once."""
    return tuple(_declared(symbol, script))


def _declared(symbol: Symbol, script: Script) -> Iterator[Span]:
    variable = event_variable(symbol.name) if symbol.kind is SymbolKind.VARIABLE else None
    for event in script.events:
        if (variable is not None and variable[1] == event.seq) or _names(symbol, event):
            yield event.name_span
    if symbol.kind is SymbolKind.VARIABLE:
        yield from (declared.name_span for declared in script.fields if declared.name == symbol.name)
    if symbol.kind is SymbolKind.SEGMENT:
        yield from (segment.name_span for segment in script.segments if segment.name == symbol.name)


def _names(symbol: Symbol, event: Event) -> bool:
    return (symbol.kind is SymbolKind.EVENT_NAME and symbol.name == event.name) or (
        symbol.kind is SymbolKind.EVENT_SEQ and symbol.name == str(event.seq)
    )


def _markdown(code: str, *sentences: str | None) -> str:
    """A stretch of the language, and below it what there is to say."""
    fence = "`" * max(3, _longest_run(code, "`") + 1)
    return "\n\n".join([f"{fence}whenflow\n{code}\n{fence}", *filter(None, sentences)])


def _longest_run(text: str, char: str) -> int:
    longest = run = 0
    for each in text:
        run = run + 1 if each == char else 0
        longest = max(longest, run)
    return longest


def _variable(name: str, script: Script) -> str | None:
    item = known(script).at(Place.EVENT | Place.RUN).get(name)
    if item is None:
        return None
    return _markdown(
        f"{name}: {item.detail}", item.doc, _event_description(name, script), reference.writers_sentence(name)
    )


def _event_description(name: str, script: Script) -> str | None:
    variable = event_variable(name)
    declared = (event.description for event in script.events if variable is not None and event.seq == variable[1])
    return next(declared, None)


def _event(symbol: Symbol, script: Script) -> str | None:
    if symbol.kind is SymbolKind.EVENT_NAME and symbol.context and symbol.name in reference.TRIGGERS:
        word = reference.TRIGGERS[symbol.name]
        return _markdown(word.form, word.doc)
    event = next((event for event in script.events if _names(symbol, event)), None)
    if event is None:
        return None
    return _markdown(
        f'event {event.seq} {written_name(event)} "{event.uuid}"',
        event.description,
        reference.variables_of_event(event.seq),
    )


def _segment(name: str, script: Script) -> str | None:
    segment = next((segment for segment in script.segments if segment.name == name), None)
    if segment is not None:
        return _markdown(f"segment {name}:\n    {_condition(segment)}", segment.title)
    if name in reference.SEGMENTS:
        return _markdown(f"segment {name}:\n    {reference.SEGMENTS[name]}", reference.PREDECLARED_SENTENCE)
    return None


def _condition(segment: Segment) -> str:
    span = segment.condition.span
    text = span.source.text[span.start : span.end]
    return text if len(text) <= _LONGEST_CONDITION else text[:_LONGEST_CONDITION] + "…"


def _word(name: str, context: tuple[str, ...]) -> str | None:
    if context[:1] == ("send",):
        tables = {"web": reference.WEB_PARTS, "email": reference.EMAIL_PARTS}
        word = tables.get(context[1] if len(context) > 1 else "", reference.CHANNELS).get(name)
    else:
        word = _WORDS.get(name)
    return None if word is None else _markdown(word.form, word.doc)
