"""Builds the nodes of declarations and clauses: one method for each rule of `flow.lark` above the steps."""

import re
from collections.abc import Callable
from datetime import timedelta
from typing import cast

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.literals import looks_like_zone
from grammar.names import CLAUSES, FIELD_TYPES, STEPS
from grammar.nodes import (
    Constant,
    Declaration,
    Event,
    Expression,
    Field,
    FieldType,
    Flow,
    Goal,
    Hours,
    Limit,
    OnAnyEvent,
    OnChange,
    OnEnter,
    OnEvent,
    OnEventSeq,
    OnIdentify,
    OnLeave,
    OnVisit,
    Segment,
    Template,
    Trigger,
)
from grammar.source import Source
from grammar.suggest import Suggestions
from grammar.syntax.steps import Broken, Clause, Item, StepBuilder, steps_of
from grammar.syntax.tokens import Token
from grammar.wording import habits

_WORD = re.compile(r"\w+")


class TreeBuilder(StepBuilder):
    """The builder of whole programs.

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
        super().__init__(source, report, complain, template)
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
            meant = habits.FIELD_TYPES.get(type_.text.lower()) or self._suggestions.nearest(type_.text, FIELD_TYPES)
            if name.text in FIELD_TYPES:
                meant = f"field {type_.text} {name.text}"
            help = wording.did_you_mean(meant)
            self.complain(wording.unknown_field_type(self.span(type_), type_.text, tuple(FIELD_TYPES), help))
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
        clauses, steps = self._clauses(items), steps_of(items)
        on, when, limit, hours, exit_, goal = (
            clauses.get(word) for word in ("on", "when", "limit", "hours", "exit", "goal")
        )
        broken = any(isinstance(item, Broken) for item in items)
        if not broken and on is None and when is None:
            self._report.add(wording.flow_without_start(self.span(name), name.text))
        if not broken and not steps:
            self._report.add(wording.flow_without_steps(self.span(name), name.text))
        return Flow(
            self.span(word).to(items[-1].span),
            name.text,
            _text(title) if title else None,
            on.triggers if on else (),
            when.condition if when else None,
            limit.limit if limit else None,
            hours.hours if hours else None,
            exit_.condition if exit_ else None,
            goal.goal if goal else None,
            steps,
            self.span(name),
            on is None and any(isinstance(item, Broken) and self._may_be_on(item) for item in items),
        )

    def _may_be_on(self, line: Broken) -> bool:
        """Whether an unreadable line may have been to say what starts the flow: no other word of a flow begins it."""
        word = _WORD.match(self.source.text, line.span.start)
        return word is None or word[0] == "on" or word[0] not in (*CLAUSES, *STEPS)

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

    # Clauses

    def on(self, children: list[Token | Trigger]) -> Clause:
        triggers = tuple(cast(list[Trigger], children[1:]))
        return Clause("on", self.span(cast(Token, children[0])).to(triggers[-1].span), triggers=triggers)

    def on_event(self, children: list[Token]) -> OnEvent:
        return OnEvent(self.span(children[0]), _text(children[0]))

    def on_event_seq(self, children: tuple[Token, Token]) -> OnEventSeq:
        return OnEventSeq(self.span(children[0], children[1]), cast(int, children[1].value))

    def on_any_event(self, children: tuple[Token, Token]) -> OnAnyEvent:
        return OnAnyEvent(self.span(children[0], children[1]))

    def on_visit(self, children: list[Token]) -> OnVisit:
        return OnVisit(self.span(children[0]))

    def on_identify(self, children: list[Token]) -> OnIdentify:
        return OnIdentify(self.span(children[0]))

    def on_enter(self, children: tuple[Token, Token]) -> OnEnter:
        return OnEnter(self.span(*children), children[1].text, self.span(children[1]))

    def on_leave(self, children: tuple[Token, Token]) -> OnLeave:
        return OnLeave(self.span(*children), children[1].text, self.span(children[1]))

    def on_change(self, children: tuple[Token, Token]) -> OnChange:
        return OnChange(self.span(*children), children[1].text, self.span(children[1]))

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

    def hours(self, children: tuple[Token, Token, Token | None, Token | None]) -> Clause:
        """Of two texts the second is the days, unless it can only be a zone."""
        word, window, second, third = children
        span = self.span(word, third or second or window)
        first, days_, zone = (Constant(self.span(one), one.value) if one else None for one in (window, second, third))
        if second is not None and third is None and looks_like_zone(cast(str, second.value)):
            days_, zone = None, days_
        return Clause("hours", span, hours=Hours(span, cast(Constant, first), days_, zone))

    def exit(self, children: tuple[Token, Expression]) -> Clause:
        word, condition = children
        self.forget()
        return Clause("exit", self.span(word).to(condition.span), condition=condition)

    def goal(self, children: tuple[Token, Expression, Token]) -> Clause:
        word, condition, within = children
        self.forget()
        span = self.span(word, within)
        return Clause("goal", span, goal=Goal(span, condition, cast(timedelta, within.value)))


def _text(token: Token) -> str:
    """The name or the text that a token stands for."""
    return cast(str, token.value) if token.type == "STRING" else token.text


def _duration(token: Token | None) -> timedelta | None:
    return cast(timedelta, token.value) if token else None
