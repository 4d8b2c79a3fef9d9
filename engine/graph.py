"""A flow's steps as a graph, compiled: numbered in the order of the text, each knowing the step that comes after it."""

import html
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

from engine.compile import Compiled, Compiler
from engine.watch import Watched, watched
from grammar.nodes import (
    Constant,
    Convert,
    Expression,
    If,
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
    Wait,
    WaitUntil,
)
from grammar.walk import steps_within
from variables.catalogue import Variable
from variables.values import MILLISECOND

Position = int | None
"""A step's number in its flow, from 0; None: the run is over."""


@dataclass(frozen=True, slots=True)
class Send:
    """A message on the visitor's page. `button`: its `label` and `link`."""

    text: Compiled
    sender: Compiled | None
    button: Mapping[str, Compiled] | None
    next: Position


@dataclass(frozen=True, slots=True)
class Email:
    subject: Compiled
    text: Compiled
    html: Compiled | None
    to: Compiled
    next: Position


@dataclass(frozen=True, slots=True)
class Webhook:
    """A POST to `url` with the values of the variables, by name."""

    url: str
    values: Mapping[str, Compiled]
    next: Position


@dataclass(frozen=True, slots=True)
class Write:
    variable: Variable
    value: Compiled
    next: Position


@dataclass(frozen=True, slots=True)
class Branch:
    """Goes on at the first arm whose condition holds, else at `otherwise`."""

    arms: tuple[tuple[Compiled, Position], ...]
    otherwise: Position


@dataclass(frozen=True, slots=True)
class Division:
    """A `split`, the flow's `number`-th from 1: each arm's percents, name and first step; the rest at `otherwise`."""

    number: int
    arms: tuple[tuple[int, str | None, Position], ...]
    otherwise: Position


@dataclass(frozen=True, slots=True)
class Pause:
    """Waits so many milliseconds."""

    length: int
    next: Position


@dataclass(frozen=True, slots=True)
class Watch:
    """Waits until the condition holds, at most so many milliseconds; then goes on at `next` or at `timeout`."""

    condition: Watched
    at_most: int
    next: Position
    timeout: Position


@dataclass(frozen=True, slots=True)
class End:
    pass


@dataclass(frozen=True, slots=True)
class Place:
    """Where a step stands in what its author wrote: its file, its line there from 1, and that line's words."""

    file: str
    line: int
    text: str

    @classmethod
    def of(cls, step: Step) -> "Place":
        source = step.span.source
        return cls(source.name, source.position(step.span.start)[0], step.span.text.partition("\n")[0].rstrip())


Ready = Send | Email | Webhook | Write | Branch | Division | Pause | Watch | End


@dataclass(frozen=True, slots=True)
class Graph:
    """The steps of a flow, by their numbers; a run begins at step 0. `compiled`: all their expressions and texts."""

    steps: tuple[Ready, ...]
    places: tuple[Place, ...] = field(repr=False)
    compiled: tuple[Compiled, ...] = field(repr=False)
    reads: frozenset[str] = field(repr=False)
    """The names that these read."""

    @classmethod
    def of(cls, steps: tuple[Step, ...], compiler: Compiler, variables: Mapping[str, Variable]) -> "Graph":
        """Compiles the steps of a flow that the checker found no error in. `variables`: those that can be written."""
        builder = _Builder(steps, compiler, variables)
        builder.block(steps, None)
        reads = frozenset().union(*(compiled.reads for compiled in builder.compiled))
        places = tuple(map(Place.of, steps_within(steps)))
        return cls(tuple(builder.built), places, tuple(builder.compiled), reads)


class _Builder:
    """Builds the steps in the order of the text, which is that of their numbers."""

    def __init__(self, steps: tuple[Step, ...], compiler: Compiler, variables: Mapping[str, Variable]) -> None:
        self.built: list[Ready] = []
        self.compiled: list[Compiled] = []
        self._numbers = {id(step): number for number, step in enumerate(steps_within(steps))}
        self._splits = 0
        self._compiler = compiler
        self._variables = variables

    def block(self, steps: tuple[Step, ...], after: Position) -> None:
        """Builds a block of steps; where its last one leads is `after`."""
        for index, step in enumerate(steps):
            next = self._entry(steps[index + 1 :], after)
            place = len(self.built)
            self.built.append(End())
            self.built[place] = self._step(step, next)

    def _entry(self, steps: tuple[Step, ...], after: Position) -> Position:
        return self._numbers[id(steps[0])] if steps else after

    def _within(self, steps: tuple[Step, ...], after: Position) -> Position:
        """Builds a block inside a step; returns where it begins."""
        self.block(steps, after)
        return self._entry(steps, after)

    def _step(self, step: Step, next: Position) -> Ready:
        match step:
            case SendWeb():
                return self._web(step, next)
            case SendEmail():
                return self._email(step, next)
            case SendWebhook(url=url, variables=names):
                return Webhook(url, {name.id: self._value(name) for name in names}, next)
            case Set(name=name, value=value):
                return Write(self._variables[name], self._value(value), next)
            case Convert(type=type_, span=span):
                return Write(self._variables["customer_user_type"], self._value(Constant(span, type_)), next)
            case If(arms=arms, otherwise=otherwise):
                branches = [(self._condition(arm.condition), self._within(arm.steps, next)) for arm in arms]
                return Branch(tuple(branches), self._within(otherwise, next))
            case Split(shares=shares):
                return self._division(shares, next)
            case Wait(duration=duration):
                return Pause(in_milliseconds(duration), next)
            case WaitUntil(condition=condition, at_most=at_most):
                reached, timeout = self._within(step.steps, next), self._within(step.timeout, next)
                return Watch(self._watched(condition), in_milliseconds(at_most), reached, timeout)
            case Stop():
                return End()

    def _division(self, shares: tuple[Share, ...], next: Position) -> Division:
        self._splits += 1
        number = self._splits
        arms = tuple((share.percent, share.name, self._within(share.steps, next)) for share in shares)
        return Division(number, arms, next)

    def _web(self, step: SendWeb, next: Position) -> Send:
        sender = None if step.sender is None else self._text(step.sender)
        button = None
        if step.button is not None:
            button = {"label": self._text(step.button.label), "link": self._text(step.button.link, in_a_link)}
        return Send(self._text(step.text), sender, button, next)

    def _email(self, step: SendEmail, next: Position) -> Email:
        to = Name(step.span, "user_email") if step.to is None else step.to
        markup = None if step.html is None else self._text(step.html, html.escape)
        return Email(self._text(step.subject), self._text(step.text), markup, self._value(to), next)

    # Expressions

    def _condition(self, expression: Expression) -> Compiled:
        return self._noted(self._compiler.condition(expression))

    def _watched(self, expression: Expression) -> Watched:
        condition = watched(expression, self._compiler)
        self._noted(condition.compiled)
        return condition

    def _value(self, expression: Expression) -> Compiled:
        return self._noted(self._compiler.value(expression))

    def _text(self, template: Template, escape: Callable[[str], str] | None = None) -> Compiled:
        return self._noted(self._compiler.template(template, escape))

    def _noted(self, compiled: Compiled) -> Compiled:
        self.compiled.append(compiled)
        return compiled


def in_milliseconds(duration: timedelta) -> int:
    return duration // MILLISECOND


def in_a_link(text: str) -> str:
    """A value, fit for a link (LANGUAGE.md section 6)."""
    return quote(text, safe="")
