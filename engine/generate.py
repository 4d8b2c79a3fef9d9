"""The second of the three steps from an author's text to running code: parse → **generate** → compile.

Takes checked nodes and gives Python syntax trees, one method per node class. The types that the checker found decide
how much care an operation needs: numbers that cannot be null are compared as Python compares them, what may be null is
guarded, and only what is not settled before it runs (json) goes through `engine.operators`.

The generated function is `def evaluate(v, now)`: `v` has the values of the names in `reads`, in alphabetical order, and
they become local variables first of all (`v_event_count_1`). `now` is the instant. `ast.unparse` shows it (`whenflow
check --generated`).
"""

import ast
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine import functions, operators
from engine.code import Guarded, all_of, already_bound, at, bind, class_of, constant, is_, is_not_none, load, local
from grammar import literals
from grammar.nodes import (
    Binary,
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Index,
    Link,
    ListDisplay,
    Member,
    Name,
    Template,
    Unary,
)
from grammar.patterns import compile_pattern
from grammar.types import NUMBER, Scope, Type, Types, infer_all, may_be_huge
from grammar.walk import walk

_COMPARE: dict[str, ast.cmpop] = {
    "<": ast.Lt(), "<=": ast.LtE(), ">": ast.Gt(), ">=": ast.GtE(), "==": ast.Eq(), "!=": ast.NotEq(),
}  # fmt: skip
_COMPARE_ANYTHING: dict[str, Callable[..., bool]] = {
    "<": operators.less, "<=": operators.less_equal, ">": operators.greater, ">=": operators.greater_equal,
}  # fmt: skip
_ARITHMETIC: dict[str, ast.operator] = {
    "+": ast.Add(), "-": ast.Sub(), "*": ast.Mult(), "/": ast.Div(), "//": ast.FloorDiv(), "%": ast.Mod(),
}  # fmt: skip
_ARITHMETIC_ANYTHING: dict[str, Callable[..., Any]] = {
    "+": operators.add, "-": operators.subtract, "*": operators.multiply,
    "/": operators.divide, "//": operators.floor_divide, "%": operators.remainder,
}  # fmt: skip

_FAMILIES = (NUMBER, Type.TEXT, Type.DATETIME, Type.DURATION)
"""Kinds that order among themselves."""


@dataclass(slots=True)
class Generator:
    """Generates one function; afterwards `reads` and `constants` say what its code needs."""

    scope: Scope
    zone: ZoneInfo
    segments: Mapping[str, Expression] = field(default_factory=dict)
    derived: Mapping[str, Expression] = field(default_factory=dict)
    """Names that stand for an expression over other names, such as `is_online`."""
    hurried: bool = True
    """Whether the code may raise OverflowError at the ends of the calendar: then careful code decides."""
    may_overflow: bool = False
    """Whether it may indeed."""
    reads: set[str] = field(default_factory=set)
    constants: dict[str, Any] = field(default_factory=dict)
    _shared: dict[Expression, str] = field(default_factory=dict)
    """Comparisons that several conditions of the function make, and where each one's outcome is kept."""
    _types: Types | None = None
    """Of the expression that is being generated; segments and derived names are expressions of their own."""
    _temporaries: int = 0

    # What the compiler asks for

    def condition(self, expression: Expression) -> ast.expr:
        """Code whose truth is the condition's."""
        with self._inside(expression):
            return self._truth(expression)

    def sharing(self, conditions: Iterable[Expression]) -> list[ast.stmt]:
        """Has what several of the conditions compare compared but once; the statements that have to come first."""
        counts = Counter(part for each in conditions for part in walk(each) if _is_worth_sharing(part))
        self._shared = {part: f"s{n}" for n, part in enumerate((p for p in counts if counts[p] > 1), 1)}
        return [ast.Assign([ast.Name(name, ast.Store())], constant(None)) for name in self._shared.values()]

    def value(self, expression: Expression) -> ast.expr:
        """Code whose value is the expression's."""
        with self._inside(expression):
            return self._whole(expression)

    def template(self, template: Template, escape: Callable[[str], str] | None = None) -> ast.expr:
        """Code of the text: the plain stretches as they are, each value printed and, if need be, escaped."""
        parts = [constant(part) if isinstance(part, str) else self._printed(part, escape) for part in template.parts]
        return ast.Call(ast.Attribute(constant(""), "join", ast.Load()), [ast.Tuple(parts, ast.Load())], [])

    def _printed(self, expression: Expression, escape: Callable[[str], str] | None) -> ast.expr:
        text: ast.expr = self._call(functions.to_text, self.value(expression), self._keep(self.zone))
        text = ast.BoolOp(ast.Or(), [text, constant("")])
        return text if escape is None else self._call(escape, text)

    @contextmanager
    def _inside(self, expression: Expression) -> Iterator[None]:
        outer, self._types = self._types, infer_all(expression, self.scope)
        yield
        self._types = outer

    def _type(self, node: Expression) -> Type:
        assert self._types is not None
        return self._types.of(node)

    # Nodes

    def _whole(self, node: Expression) -> ast.expr:
        return self._visit(node).whole()

    def _visit(self, node: Expression) -> Guarded:
        method: Callable[[Any], Guarded] = getattr(self, f"_visit_{type(node).__name__.lower()}")
        generated = method(node)
        for code in (*generated.guards, generated.value):
            at(code, node)
        return generated

    def _visit_constant(self, node: Constant) -> Guarded:
        value = node.value
        code = self._keep(value) if isinstance(value, timedelta) else constant(value)
        return Guarded((), code, sure=value is not None)

    def _visit_name(self, node: Name) -> Guarded:
        if node.id == "now":
            return Guarded((), load("now"))
        if node.id in self.derived:
            return Guarded((), self.value(self.derived[node.id]))
        self.reads.add(node.id)
        return self._guarded(load(local(node.id)), self._type(node))

    def _guarded(self, code: ast.expr, type_: Type) -> Guarded:
        """Splits what may be null, and has one kind otherwise, into the test for null and the value."""
        if Type.NULL not in type_ or Type.JSON in type_ or type_ == Type.NULL:
            return Guarded((), code, sure=not type_ & (Type.NULL | Type.JSON))
        first, again = self._held(code)
        return Guarded((is_not_none(first),), again, unguarded=code)

    def _visit_listdisplay(self, node: ListDisplay) -> Guarded:
        return Guarded((), ast.List([self._whole(item) for item in node.items], ast.Load()))

    def _visit_member(self, node: Member) -> Guarded:
        return self._read_key(node.value, node.name)

    def _visit_index(self, node: Index) -> Guarded:
        if isinstance(node.index, Constant) and isinstance(node.index.value, str):
            return self._read_key(node.value, node.index.value)
        return Guarded((), self._call(operators.read, self._whole(node.value), self._whole(node.index)), sure=False)

    def _read_key(self, container: Expression, key: str) -> Guarded:
        """`operators.read` for a key that is known, without the call: `c.get(key) if c.__class__ is dict else None`."""
        first, again = self._held(self._whole(container))
        is_object = is_(class_of(first), load("dict"))
        get = ast.Call(ast.Attribute(again, "get", ast.Load()), [constant(key)], [])
        return Guarded((), ast.IfExp(is_object, get, constant(None)), sure=False)

    def _visit_unary(self, node: Unary) -> Guarded:
        if node.operator == "not":
            return Guarded((), ast.UnaryOp(ast.Not(), self._truth(node.operand)))
        if _only(self._type(node.operand), NUMBER):
            operand = self._visit(node.operand)
            return Guarded(operand.guards, ast.UnaryOp(ast.USub(), operand.value))
        return self._total(operators.negate, node, self._whole(node.operand))

    def _visit_binary(self, node: Binary) -> Guarded:
        if self._cannot_fail(node):
            left, right = self._visit(node.left), self._visit(node.right)
            code = ast.BinOp(left.value, _ARITHMETIC[node.operator], right.value)
            return Guarded(left.guards + right.guards, code)
        return self._total(_ARITHMETIC_ANYTHING[node.operator], node, self._whole(node.left), self._whole(node.right))

    def _total(self, function: Callable[..., Any], node: Expression, *args: ast.expr) -> Guarded:
        """The call of a function that takes anything and may answer null."""
        return self._guarded(self._call(function, *args), self._type(node))

    def _cannot_fail(self, node: Binary) -> bool:
        """Whether Python's own operator neither raises nor leaves the finite, once both operands are not null."""
        left, right = self._type(node.left), self._type(node.right)
        whole = Type.INT | Type.BOOL
        if node.operator in ("+", "-", "*") and _only(left, whole) and _only(right, whole):
            return node.operator != "*" or not may_be_huge(node)
        if node.operator in ("//", "%") and _only(left, whole) and _is_nonzero(node.right, int):
            return True
        if node.operator in ("+", "-") and _is_now(node.left) and _is_nonzero(node.right, timedelta) and self.hurried:
            self.may_overflow = True
            return True
        if node.operator == "-" and _only(left, Type.DATETIME) and _only(right, Type.DATETIME):
            return True
        return node.operator == "/" and _only(left, Type.DURATION) and _is_nonzero(node.right, timedelta)

    def _visit_boolean(self, node: Boolean) -> Guarded:
        operator = ast.And() if node.operator == "and" else ast.Or()
        return self._guarded(ast.BoolOp(operator, [self._whole(each) for each in node.operands]), self._type(node))

    def _visit_conditional(self, node: Conditional) -> Guarded:
        condition = self._truth(node.condition)
        return self._guarded(
            ast.IfExp(condition, self._whole(node.then), self._whole(node.otherwise)), self._type(node)
        )

    # Comparisons

    def _visit_comparison(self, node: Comparison) -> Guarded:
        links: list[ast.expr] = []
        left_node, left = node.first, self._visit(node.first)
        for place, link in enumerate(node.links):
            right = self._visit(link.right)
            if place < len(node.links) - 1:
                right = self._evaluated_once(right, link.right)
            links.append(self._link(link, left_node, left, right))
            left_node, left = link.right, already_bound(right)
        return Guarded((), links[0] if len(links) == 1 else ast.BoolOp(ast.And(), links))

    def _evaluated_once(self, operand: Guarded, node: Expression) -> Guarded:
        """The middle of a chain stands in two links: the first one binds it, the second one reads it."""
        if isinstance(operand.value, ast.Constant) or (isinstance(operand.value, ast.Name) and not operand.guards):
            return operand
        first, _ = self._held(operand.whole())
        return Guarded((), first, sure=operand.sure and not operand.guards)

    def _link(self, link: Link, left_node: Expression, left: Guarded, right: Guarded) -> ast.expr:
        operator = link.operator
        if operator in ("is", "is not"):
            return self._is_null(left_node, left, positive=operator == "is")
        if operator in ("==", "!="):
            return self._equality(operator, left, right)
        if operator in ("in", "not in"):
            return self._membership(link, left_node, left, right)
        return self._ordering(link, left_node, left, right)

    def _is_null(self, node: Expression, operand: Guarded, *, positive: bool) -> ast.expr:
        type_ = self._type(node)
        if type_ == Type.NULL or not type_ & (Type.NULL | Type.JSON):  # settled; Python would warn of some of these
            return constant((type_ == Type.NULL) is positive)
        return ast.Compare(operand.whole(), [ast.Is() if positive else ast.IsNot()], [constant(None)])

    def _equality(self, operator: str, left: Guarded, right: Guarded) -> ast.expr:
        return ast.Compare(left.whole(), [_COMPARE[operator]], [right.whole()])

    def _membership(self, link: Link, left_node: Expression, left: Guarded, right: Guarded) -> ast.expr:
        cannot_fail = isinstance(link.right, ListDisplay) or (
            self._type(left_node) == Type.TEXT and self._type(link.right) == Type.TEXT
        )
        if cannot_fail:
            test = ast.In() if link.operator == "in" else ast.NotIn()
            return ast.Compare(left.whole(), [test], [right.whole()])
        found = self._call(operators.contains, left.whole(), right.whole())
        return found if link.operator == "in" else ast.UnaryOp(ast.Not(), found)

    def _ordering(self, link: Link, left_node: Expression, left: Guarded, right: Guarded) -> ast.expr:
        """An ordering comparison is False where an operand is null or unlike the other."""
        left_type, right_type = self._type(left_node), self._type(link.right)
        for family in _FAMILIES:
            left_fits, right_fits = _only(left_type, family), _only(right_type, family)
            if left_fits and right_fits and left.sure and right.sure:
                compare = ast.Compare(left.value, [_COMPARE[link.operator]], [right.value])
                return all_of((*left.guards, *right.guards, compare))
            if left_type == Type.JSON and right_fits and right.sure and not right.guards:
                return self._json_ordering(link.operator, left.whole(), right.value, family)
        return self._call(_COMPARE_ANYTHING[link.operator], left.whole(), right.whole())

    def _json_ordering(self, operator: str, left: ast.expr, right: ast.expr, family: Type) -> ast.expr:
        """A json value against one of a known kind: its class decides, then Python compares."""
        first, again = self._held(left)
        if family == NUMBER:
            others = [is_(class_of(again), load(name)) for name in ("float", "bool")]
            like: ast.expr = ast.BoolOp(ast.Or(), [is_(class_of(first), load("int")), *others])
        elif family == Type.TEXT:
            like = is_(class_of(first), load("str"))
        else:
            return constant(False)  # json has no moments and no durations
        return all_of((like, ast.Compare(again, [_COMPARE[operator]], [right])))

    # Truth

    def _truth(self, node: Expression) -> ast.expr:
        """Code that is true where the value is: as a condition null is false, so guards need no value of their own."""
        if isinstance(node, Boolean):
            operator = ast.And() if node.operator == "and" else ast.Or()
            return at(ast.BoolOp(operator, [self._truth(operand) for operand in node.operands]), node)
        kept = self._shared.get(node) if _is_worth_sharing(node) else None
        generated = self._visit(node)
        truth = all_of((*generated.guards, generated.value))
        return truth if kept is None else ast.IfExp(is_not_none(load(kept)), load(kept), bind(kept, truth))

    # Functions

    def _visit_call(self, node: Call) -> Guarded:
        method: Callable[[Call], ast.expr] | None = getattr(self, f"_call_{node.function}", None)
        code = method(node) if method else self._call(_FUNCTIONS[node.function], *map(self._whole, node.arguments))
        return self._guarded(code, self._type(node))

    def _call_round(self, node: Call) -> ast.expr:
        digits = [constant(_literal(argument)) for argument in node.arguments[1:]]
        return self._call(functions.rounded, self._whole(node.arguments[0]), *digits)

    def _call_text(self, node: Call) -> ast.expr:
        return self._call(functions.to_text, self._whole(node.arguments[0]), self._keep(self.zone))

    def _call_matches(self, node: Call) -> ast.expr:
        pattern = compile_pattern(_literal(node.arguments[1]))
        return self._call(functions.matches, self._whole(node.arguments[0]), self._keep(pattern))

    def _call_startswith(self, node: Call) -> ast.expr:
        return self._affix("startswith", functions.starts_with, node)

    def _call_endswith(self, node: Call) -> ast.expr:
        return self._affix("endswith", functions.ends_with, node)

    def _affix(self, method: str, function: Callable[..., Any], node: Call) -> ast.expr:
        """Of two texts Python's own method; the answer is False where one is null."""
        text, affix = map(self._visit, node.arguments)
        if all(_only(self._type(each), Type.TEXT) for each in node.arguments) and text.sure and affix.sure:
            call = ast.Call(ast.Attribute(text.value, method, ast.Load()), [affix.value], [])
            return all_of((*text.guards, *affix.guards, call))
        return self._call(function, text.whole(), affix.whole())

    def _call_date(self, node: Call) -> ast.expr:
        return self._zoned(functions.day_start, node)

    def _call_datetime(self, node: Call) -> ast.expr:
        return self._zoned(functions.to_datetime, node)

    def _call_hour(self, node: Call) -> ast.expr:
        return self._zoned(functions.hour, node)

    def _call_weekday(self, node: Call) -> ast.expr:
        return self._zoned(functions.weekday, node)

    def _zoned(self, function: Callable[..., Any], node: Call) -> ast.expr:
        return self._call(function, self._whole(node.arguments[0]), self._zone(node.arguments[1:]))

    def _call_today(self, node: Call) -> ast.expr:
        return self._call(functions.day_start, load("now"), self._zone(node.arguments))

    def _call_format_time(self, node: Call) -> ast.expr:
        value, form, *zone = node.arguments
        return self._call(functions.format_time, self._whole(value), constant(_literal(form)), self._zone(zone))

    def _call_during(self, node: Call) -> ast.expr:
        window, zone = window_of(node, self.zone)
        return self._call(functions.during, load("now"), self._keep(window), self._keep(zone))

    def _call_in_segment(self, node: Call) -> ast.expr:
        inside = self.condition(self.segments[_literal(node.arguments[0])])
        return ast.IfExp(inside, constant(True), constant(False))

    def _zone(self, rest: Sequence[Expression]) -> ast.expr:
        return self._keep(zone_of(rest, self.zone))

    # Pieces of code

    def _held(self, code: ast.expr) -> tuple[ast.expr, ast.expr]:
        """Code that is evaluated now, and how its value is read once more."""
        if isinstance(code, ast.Name):
            return code, load(code.id)
        self._temporaries += 1
        name = f"t{self._temporaries}"
        return bind(name, code), load(name)

    def _keep(self, value: Any) -> ast.expr:
        """A name for a value that source text has no literal for."""
        for name, kept in self.constants.items():
            if kept is value:
                return load(name)
        name = f"k{len(self.constants) + 1}"
        self.constants[name] = value
        return load(name)

    def _call(self, function: Callable[..., Any], *args: ast.expr) -> ast.expr:
        self.constants[function.__name__] = function
        return ast.Call(load(function.__name__), list(args), [])


_FUNCTIONS: dict[str, Callable[..., Any]] = {
    "len": functions.length,
    "abs": functions.absolute,
    "min": functions.least,
    "max": functions.greatest,
    "int": functions.to_int,
    "float": functions.to_float,
    "lower": functions.lower,
    "upper": functions.upper,
    "strip": functions.strip,
}


def _is_worth_sharing(node: Expression) -> bool:
    """Whether this is a comparison, true or false in any case, of something that has to be worked out first."""
    if not isinstance(node, Comparison):
        return False
    sides = (node.first, *(link.right for link in node.links))
    return any(isinstance(part, Binary | Call) for side in sides for part in walk(side))


def _only(type_: Type, kinds: Type) -> bool:
    """Whether the type, apart from null, has none but these kinds."""
    rest = type_ & ~Type.NULL
    return bool(rest) and not rest & ~kinds


def _is_nonzero(node: Expression, kind: type) -> bool:
    return isinstance(node, Constant) and type(node.value) is kind and bool(node.value)


def _is_now(node: Expression) -> bool:
    return isinstance(node, Name) and node.id == "now"


def window_of(during: Call, zone: ZoneInfo) -> tuple[functions.Window, ZoneInfo]:
    """The window that a call of `during` names, and where the clock is read: in `zone` if it does not say."""
    hours, *others = map(_literal, during.arguments)
    days = [text for text in others if literals.days(text) is not None]
    zones = [text for text in others if literals.days(text) is None]
    return functions.Window.parse(hours, *days), ZoneInfo(zones[0]) if zones else zone


def zone_of(rest: Sequence[Expression], zone: ZoneInfo) -> ZoneInfo:
    """The zone that stands as a call's last argument, or else `zone`."""
    return ZoneInfo(_literal(rest[0])) if rest else zone


def _literal(node: Expression) -> Any:
    """The value of an argument that the language wants to be a literal (a negative number is one too)."""
    if isinstance(node, Unary) and isinstance(node.operand, Constant) and isinstance(node.operand.value, int):
        return -node.operand.value
    assert isinstance(node, Constant), "the checker lets nothing but literals through here"
    return node.value
