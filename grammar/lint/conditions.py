"""Lint: what is allowed, but surely not meant. Warnings only, and only what is certain.

Here stands what is said of conditions; what follows from them in a flow is in `grammar.lint.reach`.
"""

from collections.abc import Iterator

from grammar import wording
from grammar.checker.repairs import expression_in_braces
from grammar.diagnostics import Diagnostics
from grammar.kinds import Type
from grammar.lint.consistency import possible
from grammar.lint.reach import Reach, Surroundings, written_by
from grammar.lint.truth import Truths
from grammar.literals import moment
from grammar.nodes import (
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Flow,
    If,
    Index,
    Link,
    Member,
    Name,
    Script,
    SendEmail,
    Set,
    Step,
    Unary,
    WaitUntil,
)
from grammar.walk import steps_within, templates_of, walk


def lint(script: Script, report: Diagnostics) -> None:
    """Reports what a program without errors has that cannot have been meant (W5xx)."""
    truths = Truths(script)
    conditions = _Conditions(truths, report)
    for segment in script.segments:
        conditions.check(segment.condition)
    surroundings = Surroundings(script, truths, conditions.constant, report)
    written: frozenset[str] = frozenset()
    for flow in script.flows:
        for condition in conditions_of(flow):
            conditions.check(condition)
        for value in _values_in(flow):
            conditions.check_within(value)
        for step in steps_within(flow.steps):
            _check_braces(step, report)
        Reach(flow, written, surroundings).check()
        written |= written_by(flow)


def lint_condition(condition: Expression, script: Script, report: Diagnostics) -> None:
    """The same of one condition that stands by itself, beside a program without errors."""
    _Conditions(Truths(script), report).check(condition)


def conditions_of(flow: Flow) -> Iterator[Expression]:
    """All the conditions of a flow, those of its steps among them."""
    if flow.when is not None:
        yield flow.when
    if flow.exit is not None:
        yield flow.exit
    if flow.goal is not None:
        yield flow.goal.condition
    for step in steps_within(flow.steps):
        if isinstance(step, If):
            yield from (arm.condition for arm in step.arms)
        elif isinstance(step, WaitUntil):
            yield step.condition


def _values_in(flow: Flow) -> Iterator[Expression]:
    """The expressions of a flow whose values count."""
    for step in steps_within(flow.steps):
        for template in templates_of(step):
            yield from (part for part in template.parts if not isinstance(part, str))
        if isinstance(step, Set):
            yield step.value
        elif isinstance(step, SendEmail) and step.to is not None:
            yield step.to


class _Conditions:
    """Tells of the smallest parts of conditions that are always true or always false."""

    def __init__(self, truths: Truths, report: Diagnostics) -> None:
        self._truths, self._report = truths, report
        self._visited: set[int] = set()
        self._told: set[int] = set()

    def constant(self, condition: Expression) -> bool:
        """Whether something in a condition was told of, so that nothing more need be said of what follows from it."""
        return id(condition) in self._told

    def check(self, condition: Expression) -> None:
        self._truths.of(condition)
        if self._tell(condition):
            self._told.add(id(condition))
        self.check_within(condition)

    def check_within(self, value: Expression) -> None:
        """Checks the conditions of all `A if CONDITION else B` in an expression, and what its parts read."""
        for node in walk(value):
            _check_moment(node, self._report)
            if isinstance(node, Index) and self._truths.subjects.type_of(node.value) & ~Type.NULL == Type.TEXT:
                self._report.add(wording.no_characters(node.span))
            if isinstance(node, Conditional) and id(node.condition) not in self._visited:
                self._truths.of(node.condition)
                self._tell(node.condition)

    def _tell(self, node: Expression) -> bool:
        """Tells of a part, unless it has parts to tell of. Recurses no deeper than expressions may be nested."""
        self._visited.add(id(node))
        told = [self._tell(part) for part in _parts(node)]
        if any(told):
            return True
        truth = self._truths.part(node)
        if not possible(truth.false):
            self._report.add(wording.always_true(node.span, _reason(node, always=True)))
        elif not possible(truth.true):
            self._report.add(wording.always_false(node.span, _reason(node, always=False)))
        else:
            return False
        return True


def _parts(node: Expression) -> tuple[Expression, ...]:
    """The conditions that a condition is put together from."""
    match node:
        case Boolean():
            return node.operands
        case Unary(operator="not"):
            return (node.operand,)
        case Conditional():
            return (node.condition, node.then, node.otherwise)
        case _:
            return ()


def _check_moment(node: Expression, report: Diagnostics) -> None:
    """Tells of a text that neither `datetime` nor `date` can read, however the clock stands."""
    match node:
        case Call(function="datetime" | "date" as function, arguments=(Constant(value=str(text)) as written, *_)):
            if moment(text) is None:
                report.add(wording.no_moment(written.span, function))


def _check_braces(step: Step, report: Diagnostics) -> None:
    """Tells of texts with `{{ … }}` where no template stands."""
    written = step.value if isinstance(step, Set) else step.to if isinstance(step, SendEmail) else None
    for node in walk(written) if written is not None else ():
        if isinstance(node, Constant) and isinstance(node.value, str) and "}}" in node.value.partition("{{")[2]:
            inside = expression_in_braces(node)
            help = wording.JOIN_TEXTS if inside is None else wording.without_braces(inside)
            report.add(wording.braces_in_expression(node.span, help))


def _reason(node: Expression, *, always: bool) -> str | None:
    """Why a condition is always the same, where that can be said shortly."""
    match node:
        case Constant(value=str()):
            return wording.WRITTEN_TEXT
        case Constant():
            return wording.WRITTEN_OUT
        case Boolean(operator="and") if not always:
            return wording.EXCLUSIVE
        case Boolean(operator="or") if always:
            return wording.EXHAUSTIVE
        case Comparison(first=Name(id=name), links=(link,)) if name.startswith("event_count_"):
            return wording.count_from_zero(name) if isinstance(link.right, Constant) else None
        case Comparison(first=left, links=(Link(operator="<" | "<=" | ">" | ">=" | "==", right=right),)) if not always:
            sides = (left, right)
            is_empty = any(isinstance(side, Constant) and side.value is None for side in sides)
            return wording.JSON_HOLDS if not is_empty and any(map(_reads_json, sides)) else None
        case _:
            return None


def _reads_json(node: Expression) -> bool:
    while isinstance(node, Member | Index):
        node = node.value
    return isinstance(node, Name) and (node.id.startswith("event_last_data_") or node.id == "track_event_data")
