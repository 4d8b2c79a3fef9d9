"""Checks expressions and templates: first their names and arguments, then their types, then that time is exact."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import cast

from grammar import wording
from grammar.checker.arguments import check_call
from grammar.checker.exact_time import check_exact_time
from grammar.checker.repairs import refitted
from grammar.checker.types import check_types, fits, is_written_misfit
from grammar.diagnostics import Diagnostics
from grammar.kinds import Type
from grammar.names import (
    EVENT_VARIABLES,
    FIELD_TYPES,
    FUNCTIONS,
    PREDECLARED_SEGMENTS,
    RUN_VARIABLES,
    STANDARD_VARIABLES,
    TRACK_EVENT_VARIABLES,
    UNSUPPORTED_VARIABLE,
    Writer,
    event_variable,
    is_taken,
)
from grammar.nodes import Call, Comparison, Constant, Expression, FieldType, Name, Set, Template
from grammar.scope import Place, Scope
from grammar.suggest import Suggestions
from grammar.walk import walk
from grammar.wording import habits

_LONGEST = 30
"""Characters of a name that is shown twice in a help line."""


def check_expression(
    expression: Expression, scope: Scope, report: Diagnostics, segments: Sequence[str] = PREDECLARED_SEGMENTS
) -> None:
    """Checks an expression that stands by itself and is not watched."""
    known = dict.fromkeys(segments)
    seqs = sorted({variable[1] for variable in map(event_variable, scope.types) if variable is not None})
    ExpressionChecker(report, {Place.ANYWHERE: scope}, known, seqs, frozenset()).check(expression, Place.ANYWHERE)


class ExpressionChecker:
    """Checks expressions against the scopes of their places. `broken` names are never called unknown."""

    def __init__(
        self,
        report: Diagnostics,
        scopes: Mapping[Place, Scope],
        segments: Mapping[str, object],
        seqs: Sequence[int],
        broken: frozenset[str],
        events: Mapping[str, int] = MappingProxyType({}),
    ) -> None:
        self._report, self._scopes, self._segments, self._seqs, self._broken = report, scopes, segments, seqs, broken
        self._events = events
        self.suggestions = Suggestions()

    def check(self, expression: Expression, place: Place, *, exact: bool = False, told: str = "") -> Type:
        """Checks an expression and returns its type. Tells each unknown name once, where it stands first.

        `exact`: the expression is watched, so the instant at which time alone changes it must be known. `told`: a name
        of which it was told already if it is unknown.
        """
        scope = self._scopes[place]
        faulty: set[int] = set()
        unknown = {told}
        compared: set[int] = set()
        for node in walk(expression):
            if isinstance(node, Comparison):
                compared.update(id(link.right) for link in node.links)
            elif isinstance(node, Name):
                if node.id not in scope.types and node.id not in unknown:
                    unknown.add(node.id)
                    self._unknown(node, place, id(node) in compared)
            elif isinstance(node, Call) and not self._is_fine(node, place):
                faulty.add(id(node))
                if node.function == "in_segment":
                    unknown.update(part.id for part in node.arguments if isinstance(part, Name))
        type_ = check_types(expression, scope, self._report, faulty)
        if exact:
            check_exact_time(expression, self._report, faulty)
        return type_

    def assignment(self, step: Set, place: Place) -> None:
        """Checks the value of a `set`. If the variable cannot be written at all, the type is not spoken of."""
        type_ = self.check(step.value, place, told=step.name)
        variable = STANDARD_VARIABLES.get(step.name)
        is_writable = Writer.FLOW in variable.writers if variable is not None else not is_taken(step.name)
        field = self._scopes[place].types.get(step.name)
        if field is None or not is_writable:
            return
        if not fits(type_, field):
            help = refitted(step.value, type_, field)
            self._report.add(wording.misfit(step.value.span, wording.quoted(step.name), field, type_, help))
        elif is_written_misfit(step.value, field):
            help = wording.WHOLE_NUMBERS if Type.INT in field else wording.DAY
            self._report.add(wording.misfit(step.value.span, wording.quoted(step.name), field, None, help))

    def likely_type(self, step: Set, place: Place) -> FieldType:
        """The type that an undeclared field most likely should have, by the value that is written to it."""
        types = self._scopes[place].types
        for itself in (Type.NULL, Type.INT):
            type_ = check_types(step.value, Scope({**types, step.name: itself}), Diagnostics(), set()) & ~Type.NULL
            for name, kinds in FIELD_TYPES.items():
                if type_ and type_ in kinds:
                    return cast(FieldType, name)
            if type_ and type_ in Type.INT | Type.FLOAT:
                return "float"
        return "text"

    def address(self, expression: Expression, place: Place) -> None:
        """Checks whom an e-mail goes to: a text, or null."""
        type_ = self.check(expression, place)
        if not fits(type_, Type.TEXT):
            help = refitted(expression, type_, Type.TEXT)
            self._report.add(wording.misfit(expression.span, wording.ADDRESS, Type.TEXT, type_, help))

    def template(self, template: Template, place: Place) -> None:
        for part in template.parts:
            if not isinstance(part, str):
                self.check(part, place)

    def _is_fine(self, call: Call, place: Place) -> bool:
        """Checks which function is called, and its number of arguments and literals."""
        name = call.function
        if name in FUNCTIONS:
            diagnostic = check_call(call, self._segments, self.suggestions)
            if diagnostic is None or self._is_broken_segment(call):
                return True
            self._report.add(diagnostic)
        elif name in self._scopes[place].types:
            self._report.add(wording.variable_called(call.name_span, name))
        elif name == UNSUPPORTED_VARIABLE:
            self._report.add(wording.no_agents(call.name_span, name))
        else:
            habit = habits.FUNCTIONS.get(name.lower())
            help = habit or wording.did_you_mean(self.suggestions.nearest(name, FUNCTIONS))
            self._report.add(wording.unknown_function(call.name_span, name, help))
        return False

    def _is_broken_segment(self, call: Call) -> bool:
        first = call.arguments[0] if call.function == "in_segment" and len(call.arguments) == 1 else None
        return isinstance(first, Constant) and first.value in self._broken

    def _unknown(self, node: Name, place: Place, is_compared: bool) -> None:
        name, span = node.id, node.span
        variable = event_variable(name)
        if name in self._broken:
            return
        if name in FUNCTIONS:
            self._report.add(wording.function_without_call(span, name))
        elif name == UNSUPPORTED_VARIABLE:
            self._report.add(wording.no_agents(span, name))
        elif name in TRACK_EVENT_VARIABLES:
            self._report.add(wording.only_in_flows(span, name))
        elif name in RUN_VARIABLES:
            self._report.add(wording.only_in_steps(span, name))
        elif variable is None:
            self._report.add(wording.unknown_variable(span, name, self._variable_help(name, place, is_compared)))
        elif str(variable[1]) not in self._broken:
            suggestion = self._nearest_event(*variable)
            self._report.add(wording.undeclared_event(span, variable[1], self._seqs, suggestion))

    def _variable_help(self, name: str, place: Place, is_compared: bool) -> str | None:
        """What the author of an unknown name may have meant: an event, a segment, another name, or a text."""
        family = next((family for family in EVENT_VARIABLES if name.startswith(f"{family}_")), "event_count")
        event = self._events.get(name.removeprefix(f"{family}_"))
        if event is not None:
            return wording.did_you_mean(f"{family}_{event}")
        if name in self._segments:
            return wording.did_you_mean(f'in_segment("{name}")')
        if name.lower() in habits.NAMES:
            return habits.NAMES[name.lower()]
        suggestion = self.suggestions.nearest(name, self._scopes[place].types)
        if suggestion is None and is_compared and len(name) <= _LONGEST:  # `user_country == CN`
            return wording.text_or_field(name)
        return wording.did_you_mean(suggestion)

    def _nearest_event(self, family: str, seq: int) -> str | None:
        nearest = min(self._seqs, key=lambda declared: (abs(declared - seq), declared), default=None)
        return None if nearest is None else f"{family}_{nearest}"
