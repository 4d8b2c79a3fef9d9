"""Checks expressions and templates: first their names and arguments, then their types, then that time is exact."""

from collections.abc import Mapping, Sequence

from grammar import wording
from grammar.arguments import check_call
from grammar.diagnostics import Diagnostics
from grammar.exact_time import check_exact_time
from grammar.kinds import Type
from grammar.names import (
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
from grammar.nodes import Call, Constant, Expression, Name, Set, Template
from grammar.scope import Place, Scope
from grammar.suggest import Suggestions
from grammar.type_checker import check_types, fits
from grammar.walk import walk


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
    ) -> None:
        self._report, self._scopes, self._segments, self._seqs, self._broken = report, scopes, segments, seqs, broken
        self.suggestions = Suggestions()

    def check(self, expression: Expression, place: Place, *, exact: bool = False) -> Type:
        """Checks an expression and returns its type. Tells each unknown name once, where it stands first.

        `exact`: the expression is watched, so the instant at which time alone changes it must be known.
        """
        scope = self._scopes[place]
        faulty: set[int] = set()
        unknown: set[str] = set()
        for node in walk(expression):
            if isinstance(node, Name):
                if node.id not in scope.types and node.id not in unknown:
                    unknown.add(node.id)
                    self._unknown(node, place)
            elif isinstance(node, Call) and not self._is_fine(node, place):
                faulty.add(id(node))
        type_ = check_types(expression, scope, self._report, faulty)
        if exact:
            check_exact_time(expression, self._report, faulty)
        return type_

    def assignment(self, step: Set, place: Place) -> None:
        """Checks the value of a `set`. If the variable cannot be written at all, the type is not spoken of."""
        type_, variable = self.check(step.value, place), STANDARD_VARIABLES.get(step.name)
        is_writable = Writer.FLOW in variable.writers if variable is not None else not is_taken(step.name)
        field = self._scopes[place].types.get(step.name)
        if field is not None and is_writable and not fits(type_, field):
            self._report.add(wording.misfit(step.value.span, wording.quoted(step.name), field, type_))

    def address(self, expression: Expression, place: Place) -> None:
        """Checks whom an e-mail goes to: a text, or null."""
        type_ = self.check(expression, place)
        if not fits(type_, Type.TEXT):
            self._report.add(wording.misfit(expression.span, wording.ADDRESS, Type.TEXT, type_))

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
            suggestion = self.suggestions.nearest(name, FUNCTIONS)
            self._report.add(wording.unknown_function(call.name_span, name, suggestion))
        return False

    def _is_broken_segment(self, call: Call) -> bool:
        first = call.arguments[0] if call.function == "in_segment" and len(call.arguments) == 1 else None
        return isinstance(first, Constant) and first.value in self._broken

    def _unknown(self, node: Name, place: Place) -> None:
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
            suggestion = self.suggestions.nearest(name, self._scopes[place].types)
            self._report.add(wording.unknown_variable(span, name, suggestion))
        elif str(variable[1]) not in self._broken:
            suggestion = self._nearest_event(*variable)
            self._report.add(wording.undeclared_event(span, variable[1], self._seqs, suggestion))

    def _nearest_event(self, family: str, seq: int) -> str | None:
        nearest = min(self._seqs, key=lambda declared: (abs(declared - seq), declared), default=None)
        return None if nearest is None else f"{family}_{nearest}"
