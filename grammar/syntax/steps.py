"""Builds the nodes of steps: one method for each rule of `flow.lark` between the clauses and the expressions."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import cast

from grammar import wording
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.nodes import (
    Arm,
    Button,
    Constant,
    Convert,
    Expression,
    Goal,
    Hours,
    If,
    Limit,
    Name,
    SendEmail,
    SendWeb,
    SendWebhook,
    Set,
    Share,
    Split,
    Step,
    Stop,
    Template,
    Trigger,
    Wait,
    WaitUntil,
)
from grammar.source import Source, Span
from grammar.syntax.expressions import ExpressionBuilder
from grammar.syntax.tokens import Token


@dataclass(frozen=True, slots=True)
class Clause:
    """A clause on its way into its flow."""

    word: str
    span: Span
    triggers: tuple[Trigger, ...] = ()
    condition: Expression | None = None
    limit: Limit | None = None
    hours: Hours | None = None
    goal: Goal | None = None


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a message's block: its word, and its templates or its expression."""

    word: str
    span: Span
    templates: tuple[Template, ...] = ()
    expression: Expression | None = None


@dataclass(frozen=True, slots=True)
class Broken:
    """A line that could not be read. `arms` hold the steps below it and below its branches: they are still checked."""

    span: Span
    arms: tuple[Arm, ...] = ()


Item = Clause | Step | Broken
"""A line of a block of steps."""

_MAY_HOLD_CLAUSES = re.compile(r"flow\b|\w+ *:$")
"""A header that no block of steps has, and below which clauses are no second error: `flow g:`, `triggers:`."""


class StepBuilder(ExpressionBuilder):
    """Children are as the rules have them: tokens that the rules name by terminal, None for what was left out."""

    def __init__(
        self,
        source: Source,
        report: Diagnostics,
        complain: Callable[[Diagnostic], None],
        template: Callable[[Token], Template],
    ) -> None:
        super().__init__(source, complain)
        self._report = report
        self._template = template

    # Blocks

    def block(self, children: list[Item]) -> list[Item]:
        return children

    def _block(self, items: Sequence[Item]) -> tuple[Step, ...]:
        """The steps of a block inside a flow, where no clause may stand."""
        for item in items:
            if isinstance(item, Clause):
                self._report.add(wording.clause_in_block(item.span, item.word))
        return steps_of(items)

    def broken(self, children: list[Token | Arm]) -> Broken:
        return Broken(self.span(cast(Token, children[0])), tuple(cast(list[Arm], children[1:])))

    def broken_block(self, children: list[object]) -> Broken:
        word, items, *branches = cast(tuple[Token, list[Item], *tuple[Arm, ...]], tuple(children))
        span = self.span(word)
        is_flow = _MAY_HOLD_CLAUSES.match(span.text) is not None
        steps = steps_of(items) if is_flow else self._block(items)
        return Broken(span, (Arm(span, Constant(span, None), steps), *branches))

    def branch(self, children: tuple[Token, Expression, list[Item]]) -> Arm:
        return self._arm(*children)

    def plain_branch(self, children: tuple[Token, list[Item]]) -> Arm:
        span = self.span(children[0])
        return Arm(span, Constant(span, None), self._block(children[1]))

    # Messages

    def send_web(self, children: tuple[Token, Token]) -> SendWeb:
        return SendWeb(self.span(children[0], children[1]), self._template(children[1]))

    def send_web_block(self, children: list[Token | Part | Broken]) -> SendWeb:
        span, found = self._parts(children, ("text",))
        text, button, sender = found.get("text"), found.get("button"), found.get("sender")
        return SendWeb(
            span,
            text.templates[0] if text else Template(span, ()),
            Button(button.span, *button.templates) if button else None,
            sender.templates[0] if sender else None,
        )

    def send_email(self, children: list[Token | Part | Broken]) -> SendEmail:
        span, found = self._parts(children, ("subject", "text"))
        subject, text, html, to = (found.get(word) for word in ("subject", "text", "html", "to"))
        return SendEmail(
            span,
            subject.templates[0] if subject else Template(span, ()),
            text.templates[0] if text else Template(span, ()),
            html.templates[0] if html else None,
            to.expression if to else None,
        )

    def _parts(self, children: list[Token | Part | Broken], needed: Sequence[str]) -> tuple[Span, dict[str, Part]]:
        """Where a message's block is, and its parts by their words, each once; the needed ones must be there."""
        word, parts = cast(Token, children[0]), cast(list[Part | Broken], children[1:])
        found: dict[str, Part] = {}
        for part in parts:
            if isinstance(part, Part):
                if part.word in found:
                    self._report.add(wording.part_twice(part.span, part.word, found[part.word].span))
                found.setdefault(part.word, part)
        missing = [one for one in needed if one not in found]
        if missing and not any(isinstance(part, Broken) for part in parts):
            self._report.add(wording.message_without(self.span(word), missing))
        return self.span(word).to(parts[-1].span), found

    def broken_message(self, children: list[Token | Part | Broken]) -> SendWeb:
        """The parts below a line that could not be read, as one text, so that what they read is checked."""
        span = self.span(cast(Token, children[0]))
        parts = [part for part in children if isinstance(part, Part)]
        inside = [piece for part in parts for template in part.templates for piece in template.parts]
        inside += [part.expression for part in parts if part.expression is not None]
        return SendWeb(span, Template(span, tuple(inside)))

    def text(self, children: tuple[Token, Token]) -> Part:
        return self._templates_of(*children)

    def button(self, children: tuple[Token, Token, Token]) -> Part:
        return self._templates_of(*children)

    def sender(self, children: tuple[Token, Token]) -> Part:
        return self._templates_of(*children)

    def subject(self, children: tuple[Token, Token]) -> Part:
        return self._templates_of(*children)

    def html(self, children: tuple[Token, Token]) -> Part:
        return self._templates_of(*children)

    def _templates_of(self, word: Token, *texts: Token) -> Part:
        return Part(word.text, self.span(word, texts[-1]), tuple(self._template(text) for text in texts))

    def to(self, children: tuple[Token, Expression]) -> Part:
        word, expression = children
        self.forget()
        return Part(word.text, self.span(word).to(expression.span), expression=expression)

    def send_webhook(self, children: list[Token | None]) -> SendWebhook:
        word, url, *names = [token for token in children if token is not None]
        variables = tuple(Name(self.span(name), name.text) for name in names)
        return SendWebhook(self.span(word, (url, *names)[-1]), cast(str, url.value), variables, self.span(url))

    # Steps of one line

    def set(self, children: tuple[Token, Token, Expression]) -> Set:
        word, name, value = children
        self.forget()
        return Set(self.span(word).to(value.span), name.text, value, self.span(name))

    def convert(self, children: tuple[Token, Token]) -> Convert:
        return Convert(self.span(children[0], children[1]), cast(str, children[1].value))

    def stop(self, children: list[Token]) -> Stop:
        return Stop(self.span(children[0]))

    def wait(self, children: tuple[Token, Token]) -> Wait:
        return Wait(self.span(children[0], children[1]), cast(timedelta, children[1].value))

    # Steps with blocks

    def wait_until(self, children: list[object]) -> WaitUntil:
        """`[wait, condition, duration, steps, timeout, steps]`; the first steps are left out with their colon."""
        word, condition, duration = cast(tuple[Token, Expression, Token], tuple(children[:3]))
        *block, timeout_word, timeout = children[3:]
        items = cast(list[Item], block[0]) if block else []
        late = cast(list[Item], timeout) if timeout_word else []
        self.forget()
        last = (*items, *late)[-1].span if items or late else self.span(duration)
        at_most = cast(timedelta, duration.value)
        return WaitUntil(self.span(word).to(last), condition, at_most, self._block(items), self._block(late))

    def if_(self, children: list[object]) -> If:
        word, condition, items = cast(tuple[Token, Expression, list[Item]], tuple(children[:3]))
        *others, else_word, else_items = children[3:]
        arms = (self._arm(word, condition, items), *cast(list[Arm], others))
        otherwise = cast(list[Item], else_items) if else_word else []
        last = otherwise[-1].span if otherwise else arms[-1].span
        return If(self.span(word).to(last), arms, self._block(otherwise))

    def elif_(self, children: tuple[Token, Expression, list[Item]]) -> Arm:
        return self._arm(*children)

    def _arm(self, word: Token, condition: Expression, items: list[Item]) -> Arm:
        self.forget()
        return Arm(self.span(word).to(items[-1].span), condition, self._block(items))

    def split(self, children: list[Token | Share | Broken]) -> Split | Broken:
        word, arms = cast(Token, children[0]), cast(list[Share | Broken], children[1:])
        span = self.span(word).to(arms[-1].span)
        shares = [arm for arm in arms if isinstance(arm, Share)]
        unread = [arm for arm in arms if isinstance(arm, Broken)]
        if not shares:
            return Broken(self.span(word), tuple(inner for arm in unread for inner in arm.arms))
        # What stands below an arm that could not be read goes with another one: it is checked, and counts for nothing.
        shares[-1] = replace(shares[-1], steps=shares[-1].steps + steps_of(unread))
        return Split(span, tuple(shares))

    def share(self, children: tuple[Token, Token | None, list[Item]]) -> Share:
        percent, name, items = children
        return Share(
            self.span(percent).to(items[-1].span),
            cast(int, percent.value),
            cast(str, name.value) if name else None,
            self._block(items),
            self.span(percent),
        )


def steps_of(items: Sequence[Item]) -> tuple[Step, ...]:
    """The steps among the lines of a block; what stands below an unreadable line is one that nobody comes to."""
    steps: list[Step] = []
    for item in items:
        if isinstance(item, Broken):
            steps += [If(item.span, item.arms, ())] if item.arms else []
        elif not isinstance(item, Clause):
            steps.append(item)
    return tuple(steps)
