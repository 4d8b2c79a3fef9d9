"""The grammar, compiled once: Lark's LALR table, and the words and symbols that the grammar writes in quotes."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark
from lark.grammar import Rule
from lark.lexer import PatternStr
from lark.parse_tree_builder import ParseTreeBuilder
from lark.parsers.lalr_analysis import Shift
from lark.tree import Tree

STARTS = ("script", "expression")

Action = tuple[int | None, Rule | None]
"""Go to a state, or reduce by a rule."""

Callbacks = dict[Rule, Callable[[list[Any]], Any]]


@dataclass(frozen=True, slots=True)
class Grammar:
    """Lark's table with the actions of each state by terminal, and the states to go on with by rule name.

    `terminals` gives the terminal of each word and symbol. `steps` are the rules of the precedence ladder that only
    hand a value on. `shortcuts` is filled as parsers run: where a run of such steps leads.
    """

    actions: dict[int, dict[str, Action]]
    starts: dict[str, int]
    ends: dict[str, int]
    terminals: dict[str, str]
    steps: frozenset[Rule]
    shortcuts: dict[tuple[int, int, str], int]
    _builder: ParseTreeBuilder

    def callbacks(self, builder: object) -> Callbacks:
        """What is called on each reduction: the method of `builder` with the rule's name, given the children."""
        callbacks: Callbacks = self._builder.create_callback(builder)  # type: ignore[no-untyped-call]
        return callbacks

    def after(self, state: int, rule: Rule) -> int:
        """The state in which a parser goes on that has reduced by a rule, on top of a state."""
        target = self.actions[state][rule.origin.name][0]
        assert target is not None
        return target


@cache
def grammar() -> Grammar:
    """Read and compiled at the first use, which takes a quarter of a second."""
    text = resources.files("grammar").joinpath("flow.lark").read_text(encoding="utf-8")
    lark = Lark(text, parser="lalr", lexer="basic", start=list(STARTS), maybe_placeholders=True)
    parsers = {start: lark.parse_interactive(start=start).parser_state.parse_conf for start in STARTS}
    return Grammar(
        actions={
            state: {name: (arg, None) if action is Shift else (None, arg) for name, (action, arg) in row.items()}
            for state, row in parsers[STARTS[0]].states.items()
        },
        starts={start: conf.start_state for start, conf in parsers.items()},
        ends={start: conf.end_state for start, conf in parsers.items()},
        terminals={one.pattern.value: one.name for one in lark.terminals if isinstance(one.pattern, PatternStr)},
        steps=frozenset(
            rule for rule in lark.rules if rule.options.expand1 and not rule.alias and len(rule.expansion) == 1
        ),
        shortcuts={},
        _builder=ParseTreeBuilder(lark.rules, Tree, maybe_placeholders=True),  # type: ignore[no-untyped-call]
    )
