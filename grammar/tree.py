"""Builds the nodes of declarations, clauses and steps: one method for each rule of `flow.lark`."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import cast

from grammar import phrases, wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.expressions import ExpressionBuilder
from grammar.names import FIELD_TYPES
from grammar.nodes import (
    Arm,
    Button,
    Constant,
    Convert,
    Declaration,
    Event,
    Expression,
    Field,
    FieldType,
    Flow,
    If,
    Limit,
    OnAnyEvent,
    OnEvent,
    OnEventSeq,
    Segment,
    SendWeb,
    Set,
    Step,
    Stop,
    Template,
    Trigger,
)
from grammar.source import Source, Span
from grammar.suggest import Suggestions
from grammar.tokens import Token


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause on its way into its flow."""

    word: str
    span: Span
    triggers: tuple[Trigger, ...] = ()
    condition: Expression | None = None
    limit: Limit | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a message's block: its word and its templates."""

    word: str
    span: Span
    templates: tuple[Template, ...]


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that could not be read."""

    span: Span


Item = Clause | Step | Broken


class TreeBuilder(ExpressionBuilder):
    """Children are as the rules have them: tokens that the rules name by terminal, None for what was left out.

    `broken_names` gathers the names of declarations that could not be read, so that nobody calls these unknown.
    """

    def __init__(
        self,
        source: Source,
        report: Diagnostics,
        complain: Callable[[Diagnostic], None],
        template: Callable[[Token], Template],
        suggestions: Suggestions,
    ) -> None:
        super().__init__(source, complain)
        self._report = report
        self._template = template
        self._suggestions = suggestions
        self.broken_names: set[str] = set()

    # Declarations

    def script(self, children: list[object]) -> tuple[Declaration, ...]:
        return tuple(child for child in children if isinstance(child, Event | Field | Segment | Flow))

    def event(self, children: tuple[Token, Token, Token, Token, Token | None]) -> Event:
        word, seq, name, uuid, description = children
        return Event(
            self.span(word, description or uuid),
            cast(int, seq.value),
            _text(name),
            _text(uuid).strip().lower(),
            _text(description) if description else None,
            self.span(seq),
            self.span(name),
            self.span(uuid),
        )

    def field(self, children: tuple[Token, Token, Token, Token | None]) -> Field | Broken:
        word, name, type_, description = children
        span = self.span(word, description or type_)
        if type_.text not in FIELD_TYPES:
            suggestion = self._suggestions.nearest(type_.text, FIELD_TYPES)
            self.complain(wording.unknown_field_type(self.span(type_), type_.text, tuple(FIELD_TYPES), suggestion))
            self.broken_names.add(name.text)
            return Broken(span)
        text = _text(description) if description else None
        return Field(span, name.text, cast(FieldType, type_.text), text, self.span(name))

    def segment(self, children: tuple[Token, Token, Token | None, Expression]) -> Segment:
        word, name, title, condition = children
        self.forget()
        span = self.span(word, name).to(condition.span)
        return Segment(span, name.text, _text(title) if title else None, condition, self.span(name))

    def flow(self, children: tuple[Token, Token, Token | None, list[Item]]) -> Flow:
        word, name, title, items = children
        clauses = self._clauses(items)
        steps = tuple(item for item in items if not isinstance(item, Clause | Broken))
        on, when, limit = clauses.get("on"), clauses.get("when"), clauses.get("limit")
        if not any(isinstance(item, Broken) for item in items):
            self._look_for_start(name, on, when)
            if not steps:
                self._report.add(wording.flow_without_steps(self.span(name), name.text))
        return Flow(
            self.span(word).to(items[-1].span),
            name.text,
            _text(title) if title else None,
            on.triggers if on else (),
            when.condition if when else None,
            limit.limit if limit else None,
            None,
            None,
            None,
            steps,
            self.span(name),
        )

    def _clauses(self, items: list[Item]) -> dict[str, Clause]:
        """The clauses by their words, each once and before the first step."""
        found: dict[str, Clause] = {}
        in_steps = False
        for item in items:
            if not isinstance(item, Clause):
                in_steps = in_steps or not isinstance(item, Broken)
            elif item.word in found:
                self._report.add(wording.clause_twice(item.span, item.word, found[item.word].span))
            else:
                found[item.word] = item
                if in_steps:
                    self._report.add(wording.clause_after_step(item.span, item.word))
        return found

    def _look_for_start(self, name: Token, on: Clause | None, when: Clause | None) -> None:
        if on is None and when is not None:
            self._report.add(wording.not_supported_yet(when.span, "a flow with `when` and without `on`"))
        elif on is None:
            self._report.add(wording.flow_without_start(self.span(name), name.text))

    def broken(self, children: list[Token]) -> Broken:
        return Broken(self.span(children[0]))

    def broken_block(self, children: tuple[Token, list[Item]]) -> If:
        """The steps below a line that could not be read; they are kept, so that they are checked."""
        span = self.span(children[0])
        return If(span, (Arm(span, Constant(span, None), self._steps(children[1])),), ())

    # Clauses

    def on(self, children: list[Token | Trigger]) -> Clause:
        triggers = tuple(cast(list[Trigger], children[1:]))
        return Clause("on", self.span(cast(Token, children[0])).to(triggers[-1].span), triggers=triggers)

    def on_event(self, children: list[Token]) -> OnEvent:
        name = children[0]
        if name.type == "NAME" and name.text in phrases.LATER_ITEMS:
            self._report.add(wording.not_supported_yet(self.span(name), f"`on {name.text}`"))
            self.broken_names.add(name.text)
        return OnEvent(self.span(name), _text(name))

    def on_event_seq(self, children: tuple[Token, Token]) -> OnEventSeq:
        return OnEventSeq(self.span(children[0], children[1]), cast(int, children[1].value))

    def on_any_event(self, children: tuple[Token, Token]) -> OnAnyEvent:
        return OnAnyEvent(self.span(children[0], children[1]))

    def when(self, children: tuple[Token, Expression]) -> Clause:
        self.forget()
        return Clause("when", self.span(children[0]).to(children[1].span), condition=children[1])

    def limit_once(self, children: tuple[Token, Token]) -> Clause:
        span = self.span(children[0], children[1])
        return Clause("limit", span, limit=Limit(span, 1, None))

    def limit(self, children: tuple[Token, Token, Token | None]) -> Clause:
        word, count, per = children
        span = self.span(word, per or count)
        return Clause("limit", span, limit=Limit(span, cast(int, count.value), _duration(per)))

    # Steps

    def block(self, children: list[Item]) -> list[Item]:
        return children

    def _steps(self, items: list[Item]) -> tuple[Step, ...]:
        for item in items:
            if isinstance(item, Clause):
                self._report.add(wording.clause_in_block(item.span, item.word))
        return tuple(item for item in items if not isinstance(item, Clause | Broken))

    def send_web(self, children: tuple[Token, Token]) -> SendWeb:
        return SendWeb(self.span(children[0], children[1]), self._template(children[1]))

    def send_web_block(self, children: list[Token | Part | Broken]) -> SendWeb | Broken:
        word, parts = cast(Token, children[0]), cast(list[Part | Broken], children[1:])
        found: dict[str, Part] = {}
        for part in parts:
            if isinstance(part, Part):
                if part.word in found:
                    self._report.add(wording.part_twice(part.span, part.word, found[part.word].span))
                found.setdefault(part.word, part)
        span = self.span(word).to(parts[-1].span)
        text, button, sender = found.get("text"), found.get("button"), found.get("sender")
        if text is None:
            if not any(isinstance(part, Broken) for part in parts):
                self._report.add(wording.message_without_text(self.span(word)))
            text = Part("text", span, (Template(span, ()),))
        return SendWeb(
            span,
            text.templates[0],
            Button(button.span, *button.templates) if button else None,
            sender.templates[0] if sender else None,
        )

    def text(self, children: tuple[Token, Token]) -> Part:
        return self._templates_of(children[0], children[1])

    def sender(self, children: tuple[Token, Token]) -> Part:
        return self._templates_of(children[0], children[1])

    def button(self, children: tuple[Token, Token, Token]) -> Part:
        return self._templates_of(*children)

    def _templates_of(self, word: Token, *texts: Token) -> Part:
        return Part(word.text, self.span(word, texts[-1]), tuple(self._template(text) for text in texts))

    def set(self, children: tuple[Token, Token, Expression]) -> Set:
        word, name, value = children
        self.forget()
        return Set(self.span(word).to(value.span), name.text, value, self.span(name))

    def convert(self, children: tuple[Token, Token]) -> Convert:
        return Convert(self.span(children[0], children[1]), _text(children[1]))

    def stop(self, children: list[Token]) -> Stop:
        return Stop(self.span(children[0]))

    def if_(self, children: list[object]) -> If:
        word, condition, items = cast(tuple[Token, Expression, list[Item]], tuple(children[:3]))
        *others, else_word, else_items = children[3:]
        arms = (self._arm(word, condition, items), *cast(list[Arm], others))
        otherwise = cast(list[Item], else_items) if else_word else []
        last = otherwise[-1].span if otherwise else arms[-1].span
        return If(self.span(word).to(last), arms, self._steps(otherwise))

    def elif_(self, children: tuple[Token, Expression, list[Item]]) -> Arm:
        return self._arm(*children)

    def _arm(self, word: Token, condition: Expression, items: list[Item]) -> Arm:
        self.forget()
        return Arm(self.span(word).to(items[-1].span), condition, self._steps(items))


def _text(token: Token) -> str:
    """The name or the text that a token stands for."""
    return cast(str, token.value) if token.type == "STRING" else token.text


def _duration(token: Token | None) -> timedelta | None:
    return cast(timedelta, token.value) if token else None
