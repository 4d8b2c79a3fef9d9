"""Builds the nodes of expressions: one method for each rule of the ladder in `flow.lark`."""

from collections.abc import Callable, Sequence
from typing import cast

from grammar import wording
from grammar.diagnostics import Diagnostic
from grammar.nodes import (
    Binary,
    BinaryOperator,
    Boolean,
    BooleanOperator,
    Call,
    Comparison,
    ComparisonOperator,
    Conditional,
    Constant,
    Expression,
    Index,
    Link,
    ListDisplay,
    Member,
    Name,
    Unary,
    UnaryOperator,
)
from grammar.source import Source, Span
from grammar.syntax.brackets import MAX_LEVELS
from grammar.syntax.tokens import Token

MAX_NODES = 500
"""Names, literals, operators, calls and indices of one expression (LANGUAGE.md section 5)."""

Measure = tuple[int, int, str]
"""Nodes, levels, and the terminals of an operator chain that a further operator would go on (else empty)."""

_LEAF: Measure = (1, 0, "")
_SUM, _PRODUCT = "PLUS MINUS", "STAR SLASH DOUBLE_SLASH PERCENT"


class ExpressionBuilder:
    """The bounds are kept as the tree grows, so that no deep or large tree is ever made for anyone to walk.

    An expression beyond them is reported and replaced by a constant; so is what the parser marked as broken.
    """

    def __init__(self, source: Source, complain: Callable[[Diagnostic], None]) -> None:
        self.source = source
        self.complain = complain
        self._measures: dict[int, Measure] = {}

    def forget(self) -> None:
        """The parser has dropped the unfinished expressions (or the finished one is in its statement)."""
        self._measures.clear()

    def span(self, first: Token, last: Token | None = None) -> Span:
        return Span(self.source, first.start, (last or first).end)

    def name(self, children: list[Token]) -> Expression:
        return Name(self.span(children[0]), children[0].text)

    def constant(self, children: list[Token]) -> Expression:
        return Constant(self.span(children[0]), children[0].value)

    def broken_value(self, children: list[Token]) -> Expression:
        return Constant(self.span(children[0]), None)

    def group(self, children: tuple[Token, Expression, Token]) -> Expression:
        """Brackets leave no node, but each counts as a level, and they belong to the expression's place."""
        opening, inside, closing = children
        nodes, levels, _ = self._measure(inside)
        # The node was made a moment ago and nobody else has it yet; a copy would cost more than all the rest.
        object.__setattr__(inside, "span", Span(self.source, opening.start, closing.end))
        return self._bounded(inside, nodes, levels + len(opening.text))

    def list_display(self, children: list[Token | Expression]) -> Expression:
        span = self.span(cast(Token, children[0]), cast(Token, children[-1]))
        items = cast(list[Expression], children[1:-1])
        return self._compound(ListDisplay(span, tuple(items)), items)

    def call(self, children: list[Token | Expression]) -> Expression:
        function = cast(Token, children[0])
        span = self.span(function, cast(Token, children[-1]))
        arguments = cast(list[Expression], children[1:-1])
        return self._compound(Call(span, function.text, tuple(arguments), self.span(function)), arguments)

    def member(self, children: tuple[Expression, Token]) -> Expression:
        value, name = children
        return self._compound(Member(Span(self.source, value.span.start, name.end), value, name.text), (value,))

    def index(self, children: tuple[Expression, Expression, Token]) -> Expression:
        value, index, closing = children
        return self._compound(Index(Span(self.source, value.span.start, closing.end), value, index), (value, index))

    def unary(self, children: tuple[Token, Expression]) -> Expression:
        operator, operand = children
        span = Span(self.source, operator.start, operand.span.end)
        return self._compound(Unary(span, cast(UnaryOperator, operator.text), operand), (operand,))

    def binary(self, children: tuple[Expression, Token, Expression]) -> Expression:
        left, operator, right = children
        chain = _SUM if operator.type in _SUM else _PRODUCT
        left_nodes, left_levels, left_chain = self._measure(left)
        right_nodes, right_levels, _ = self._measure(right)
        levels = max(left_levels if left_chain is chain else left_levels + 1, right_levels + 1)
        node = Binary(left.span.to(right.span), cast(BinaryOperator, operator.text), left, right)
        return self._bounded(node, left_nodes + right_nodes + 1, levels, chain)

    def not_in(self, children: tuple[Token, Token, Expression]) -> Link:
        return self._link("not in", children[0], children[2])

    def is_none(self, children: tuple[Token, Token]) -> Link:
        return self._link("is", children[0], Constant(self.span(children[1]), None))

    def is_not_none(self, children: tuple[Token, Token, Token]) -> Link:
        return self._link("is not", children[0], Constant(self.span(children[2]), None))

    def link(self, children: tuple[Token, Expression]) -> Link:
        return self._link(cast(ComparisonOperator, children[0].text), children[0], children[1])

    def _link(self, operator: ComparisonOperator, start: Token, right: Expression) -> Link:
        return Link(Span(self.source, start.start, right.span.end), operator, right)

    def comparison(self, children: list[Expression | Link]) -> Expression:
        first, links = cast(Expression, children[0]), cast(list[Link], children[1:])
        node = Comparison(first.span.to(links[-1].span), first, tuple(links))
        return self._compound(node, [first, *(link.right for link in links)], operators=len(links))

    def conjunction(self, children: list[Expression]) -> Expression:
        return self._boolean("and", children)

    def disjunction(self, children: list[Expression]) -> Expression:
        return self._boolean("or", children)

    def _boolean(self, operator: BooleanOperator, operands: list[Expression]) -> Expression:
        node = Boolean(operands[0].span.to(operands[-1].span), operator, tuple(operands))
        return self._compound(node, operands, operators=len(operands) - 1)

    def conditional(self, children: tuple[Expression, Token, Expression, Token, Expression]) -> Expression:
        then, _, condition, _, otherwise = children
        node = Conditional(then.span.to(otherwise.span), condition, then, otherwise)
        return self._compound(node, (then, condition, otherwise))

    # Bounds

    def _measure(self, node: Expression) -> Measure:
        return self._measures.pop(id(node), _LEAF)

    def _compound(self, node: Expression, inside: Sequence[Expression], operators: int = 1) -> Expression:
        """A node of one level and so many operators (or a call, an index, a list) around others."""
        nodes, levels = operators, 0
        for child in inside:
            child_nodes, child_levels, _ = self._measure(child)
            nodes += child_nodes
            levels = max(levels, child_levels)
        return self._bounded(node, nodes, levels + 1)

    def _bounded(self, node: Expression, nodes: int, levels: int, chain: str = "") -> Expression:
        if nodes > MAX_NODES:
            self.complain(wording.expression_too_large(node.span, MAX_NODES))
        elif levels > MAX_LEVELS:
            self.complain(wording.expression_too_deep(node.span, MAX_LEVELS))
        else:
            self._measures[id(node)] = (nodes, levels, chain)
            return node
        return Constant(node.span, None)
