"""The grammar, compiled once: Lark's LALR table, and the words and symbols that the grammar writes in quotes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any, cast

from lark import Lark
from lark.grammar import Rule
from lark.lexer import PatternStr
from lark.parse_tree_builder import ParseTreeBuilder
from lark.parsers.lalr_analysis import Shift
from lark.tree import Tree

STARTS = ("script", "expression")


@dataclass(frozen=True, slots=True, eq=False)
class Reduction:
    """A rule of the grammar: `size` children become an `origin`. `number` finds its callback.

    `step`: a rung of the precedence ladder that only hands its one child on.
    """

    origin: str
    size: int
    number: int
    step: bool


Action = int | Reduction
"""Go to a state, or reduce."""

Callback = Callable[[list[Any]], Any]


class Callbacks(dict[int, Callback]):
    """What is called on each reduction, by its number: the builder's method of the rule's name, given children.

    Each is made when it is first wanted: a lone expression, of which there may be thousands, needs few of them.
    """

    def __init__(self, makers: Sequence[ParseTreeBuilder], builder: object) -> None:
        super().__init__()
        self._makers, self._builder = makers, builder

    def __missing__(self, number: int) -> Callback:
        (callback,) = self._makers[number].create_callback(self._builder).values()  # type: ignore[no-untyped-call]
        self[number] = callback
        return cast(Callback, callback)


@dataclass(frozen=True, slots=True)
class Grammar:
    """Lark's table: the actions of each state by terminal, and the states to go on with by rule name.

    `expected` has the terminals of each state, `terminals` the terminal of each word and symbol. `shortcuts` is filled
    as parsers run: where a run of steps of the ladder leads.
    """

    actions: dict[int, dict[str, Action]]
    expected: dict[int, frozenset[str]]
    starts: dict[str, int]
    ends: dict[str, int]
    terminals: dict[str, str]
    shortcuts: dict[tuple[int, int, str], int]
    _makers: tuple[ParseTreeBuilder, ...]
    """One for each rule, by the number of its reduction."""

    def callbacks(self, builder: object) -> Callbacks:
        return Callbacks(self._makers, builder)


@cache
def grammar() -> Grammar:
    """Read and compiled at the first use, which takes a quarter of a second."""
    text = resources.files("grammar").joinpath("flow.lark").read_text(encoding="utf-8")
    lark = Lark(text, parser="lalr", lexer="basic", start=list(STARTS), maybe_placeholders=True)
    parsers = {start: lark.parse_interactive(start=start).parser_state.parse_conf for start in STARTS}
    reductions = {
        rule: Reduction(str(rule.origin.name), len(rule.expansion), number, _is_step(rule))
        for number, rule in enumerate(lark.rules)
    }
    actions: dict[int, dict[str, Action]] = {
        state: {str(name): arg if action is Shift else reductions[arg] for name, (action, arg) in row.items()}
        for state, row in parsers[STARTS[0]].states.items()
    }
    return Grammar(
        actions=actions,
        expected={state: frozenset(name for name in row if name.isupper()) for state, row in actions.items()},
        starts={start: conf.start_state for start, conf in parsers.items()},
        ends={start: conf.end_state for start, conf in parsers.items()},
        terminals={one.pattern.value: one.name for one in lark.terminals if isinstance(one.pattern, PatternStr)},
        shortcuts={},
        _makers=tuple(
            ParseTreeBuilder([rule], Tree, maybe_placeholders=True)  # type: ignore[no-untyped-call]
            for rule in lark.rules
        ),
    )


def _is_step(rule: Rule) -> bool:
    return rule.options.expand1 and not rule.alias and len(rule.expansion) == 1
