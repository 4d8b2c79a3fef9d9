"""What type an expression has: `infer`, and the types and scopes it speaks of.

The inference is sound: whatever the variables hold, the value is of the inferred type. So the code generator may leave
out the checks that a type makes needless. It is never an error here that operands are unlike: such a value is null.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from grammar import inference
from grammar.inference import may_be_huge
from grammar.kinds import ANY, NUMBER, Type
from grammar.nodes import Expression
from grammar.scope import Scope

__all__ = ["ANY", "NUMBER", "Scope", "Type", "Types", "infer", "infer_all", "may_be_huge"]


@dataclass(frozen=True, slots=True)
class Types:
    """The types of all nodes of one expression. Keeps the expression, since nodes are known by identity."""

    expression: Expression
    _by_id: Mapping[int, Type]

    def of(self, node: Expression) -> Type:
        """The type of a node of this expression. Raises KeyError for a node of another."""
        return self._by_id[id(node)]


def infer(expression: Expression, scope: Scope) -> Type:
    """The type of an expression."""
    return infer_all(expression, scope).of(expression)


def infer_all(expression: Expression, scope: Scope) -> Types:
    """The types of an expression and of every expression inside it, found bottom-up in one pass."""
    return Types(expression, inference.types_of(expression, scope))
