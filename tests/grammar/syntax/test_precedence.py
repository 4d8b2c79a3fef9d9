"""Expressions group as Python's do: the same text is read by Python's own parser."""

import ast

import pytest

from grammar.nodes import (
    Binary,
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    Expression,
    Index,
    ListDisplay,
    Member,
    Name,
    Unary,
)
from tests.grammar.support import expression

SHARED = [
    "a or b and c",
    "a and b or c",
    "(a or b) and c",
    "a or b or c",
    "a or (b or c)",
    "not a and b",
    "not a == b",
    "not not a",
    "a == b and c != d",
    "1 < x <= 5",
    "a in b == c",
    "a not in [1, 2]",
    "a is None",
    "a is not None and b",
    "a + b * c",
    "a * b + c",
    "a - b - c",
    "a / b // c % d",
    "-a * b",
    "-a.b",
    "--a",
    "a - -b",
    "a + b < c - d",
    "a if b else c",
    "a if b else c if d else e",
    "(a if b else c) if d else e",
    "a or b if c and d else not e",
    "f(a, b)[0].c",
    "f()",
    "[a, [b], []]",
    "a[b[0]]['k']",
    "len(a) + 1 > 2 or not b",
    "'a'[0]",
    ".5 + 1. + 1e5 + 1.5e-3",
    "True and None or False",
]


@pytest.mark.parametrize("text", SHARED)
def test_groups_as_python_does(text: str) -> None:
    assert shape(expression(text)) == python_shape(ast.parse(text, mode="eval").body)


REFUSED = ["a == not b", "+a", "a if b", "a not b", "()", "a, b", "a[1:2]", "f(x=1)", "a ** b", "{'a': 1}", "a.b()", ""]


@pytest.mark.parametrize("text", REFUSED)
def test_what_python_or_the_language_lacks_is_refused(text: str) -> None:
    with pytest.raises(AssertionError):
        expression(text)


def shape(node: Expression) -> object:
    """A tree of tuples that Python's and our nodes can both be turned into."""
    match node:
        case Constant():
            return (type(node.value).__name__, node.value)
        case Name():
            return node.id
        case ListDisplay():
            return ("list", *map(shape, node.items))
        case Call():
            return ("call", node.function, *map(shape, node.arguments))
        case Member():
            return ("member", shape(node.value), node.name)
        case Index():
            return ("index", shape(node.value), shape(node.index))
        case Unary():
            return (node.operator, shape(node.operand))
        case Binary():
            return (node.operator, shape(node.left), shape(node.right))
        case Boolean():
            return (node.operator, *map(shape, node.operands))
        case Comparison():
            return ("compare", shape(node.first), *((link.operator, shape(link.right)) for link in node.links))
        case Conditional():
            return ("if", shape(node.condition), shape(node.then), shape(node.otherwise))


_OPERATORS: dict[type, str] = {
    ast.Add: "+", ast.Sub: "-", ast.Mult: "*", ast.Div: "/", ast.FloorDiv: "//", ast.Mod: "%",
    ast.And: "and", ast.Or: "or", ast.Not: "not", ast.USub: "-",
    ast.Lt: "<", ast.LtE: "<=", ast.Gt: ">", ast.GtE: ">=", ast.Eq: "==", ast.NotEq: "!=",
    ast.In: "in", ast.NotIn: "not in", ast.Is: "is", ast.IsNot: "is not",
}  # fmt: skip


def python_shape(node: ast.expr) -> object:
    match node:
        case ast.Constant():
            return (type(node.value).__name__, node.value)
        case ast.Name():
            return node.id
        case ast.List():
            return ("list", *map(python_shape, node.elts))
        case ast.Call(func=ast.Name(id=name)):
            return ("call", name, *map(python_shape, node.args))
        case ast.Attribute():
            return ("member", python_shape(node.value), node.attr)
        case ast.Subscript():
            return ("index", python_shape(node.value), python_shape(node.slice))
        case ast.UnaryOp():
            return (_OPERATORS[type(node.op)], python_shape(node.operand))
        case ast.BinOp():
            return (_OPERATORS[type(node.op)], python_shape(node.left), python_shape(node.right))
        case ast.BoolOp():
            return (_OPERATORS[type(node.op)], *map(python_shape, node.values))
        case ast.Compare():
            links = zip(node.ops, node.comparators, strict=True)
            return ("compare", python_shape(node.left), *((_OPERATORS[type(op)], python_shape(it)) for op, it in links))
        case ast.IfExp():
            return ("if", python_shape(node.test), python_shape(node.body), python_shape(node.orelse))
    raise AssertionError(ast.dump(node))
