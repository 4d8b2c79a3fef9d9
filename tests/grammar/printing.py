"""Prints expressions with every bracket written out, so that printing and parsing must give the same tree."""

from datetime import timedelta

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


def printed(node: Expression) -> str:
    match node:
        case Constant():
            return _constant(node)
        case Name():
            return node.id
        case ListDisplay():
            return f"[{', '.join(map(printed, node.items))}]"
        case Call():
            return f"{node.function}({', '.join(map(printed, node.arguments))})"
        case Member():
            return f"({printed(node.value)}).{node.name}"
        case Index():
            return f"({printed(node.value)})[{printed(node.index)}]"
        case Unary():
            return f"({node.operator} {printed(node.operand)})"
        case Binary():
            return f"({printed(node.left)} {node.operator} {printed(node.right)})"
        case Boolean():
            return f"({f' {node.operator} '.join(map(printed, node.operands))})"
        case Comparison():
            links = " ".join(f"{link.operator} {printed(link.right)}" for link in node.links)
            return f"({printed(node.first)} {links})"
        case Conditional():
            return f"({printed(node.then)} if {printed(node.condition)} else {printed(node.otherwise)})"


def _constant(node: Constant) -> str:
    if isinstance(node.value, timedelta):
        return f"{int(node.value.total_seconds())}s"
    return repr(node.value)
