"""Ways through a tree. None of them recurses, so that no depth of tree can exhaust Python's stack."""

from collections.abc import Iterator

from grammar.nodes import (
    Binary,
    Boolean,
    Call,
    Comparison,
    Conditional,
    Constant,
    Expression,
    If,
    Index,
    ListDisplay,
    Member,
    Name,
    SendEmail,
    SendWeb,
    Split,
    Step,
    Template,
    Unary,
    WaitUntil,
)
from grammar.source import Span


def children(node: Expression) -> tuple[Expression, ...]:
    """The expressions directly inside one, from left to right."""
    match node:
        case Name() | Constant():
            return ()
        case Binary():
            return (node.left, node.right)
        case Comparison():
            return (node.first, *(link.right for link in node.links))
        case Boolean():
            return node.operands
        case Call():
            return node.arguments
        case Unary():
            return (node.operand,)
        case Index():
            return (node.value, node.index)
        case Member():
            return (node.value,)
        case ListDisplay():
            return node.items
        case Conditional():
            return (node.then, node.condition, node.otherwise)


def walk(expression: Expression) -> Iterator[Expression]:
    """An expression and all inside it: each before its children, from left to right."""
    pending = [expression]
    while pending:
        node = pending.pop()
        yield node
        pending.extend(reversed(children(node)))


def segments_named(condition: Expression) -> Iterator[tuple[str, Span]]:
    """The segments that a condition names, and where."""
    for node in walk(condition):
        if isinstance(node, Call) and node.function == "in_segment":
            for first in node.arguments[:1]:
                if isinstance(first, Constant) and isinstance(first.value, str):
                    yield first.value, first.span


def inside_out(expression: Expression) -> list[tuple[Expression, tuple[Expression, ...]]]:
    """An expression and all inside it, each with its children and after them; backwards, the order of `walk`."""
    found = []
    pending = [expression]
    while pending:
        node = pending.pop()
        inside = children(node)
        found.append((node, inside))
        pending.extend(reversed(inside))
    found.reverse()
    return found


def steps_within(steps: tuple[Step, ...]) -> Iterator[Step]:
    """Steps and all steps nested in them, in the order of the text."""
    pending = list(reversed(steps))
    while pending:
        step = pending.pop()
        yield step
        for block in reversed(blocks_of(step)):
            pending.extend(reversed(block))


def blocks_of(step: Step) -> tuple[tuple[Step, ...], ...]:
    """The blocks of steps directly inside a step, in the order of the text."""
    match step:
        case If():
            return (*(arm.steps for arm in step.arms), step.otherwise)
        case Split():
            return tuple(share.steps for share in step.shares)
        case WaitUntil():
            return (step.steps, step.timeout)
        case _:
            return ()


def templates_of(step: Step) -> Iterator[Template]:
    """The templates of a message; of other steps, none."""
    match step:
        case SendWeb():
            if step.sender is not None:
                yield step.sender
            yield step.text
            if step.button is not None:
                yield step.button.label
                yield step.button.link
        case SendEmail():
            yield step.subject
            yield step.text
            if step.html is not None:
                yield step.html
