"""The grammar, compiled once: Lark's LALR table, and the words and symbols that the grammar writes in quotes."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from importlib import resources
from typing import Any

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
    _rules: tuple[tuple[Rule, Sequence[Callable[[Callback], Callback]]], ...]

    def callbacks(self, builder: object) -> "Callbacks":
        """What is called on each reduction: the builder's method of the rule's name, given children."""
        return Callbacks(builder, self._rules)


class Callbacks(dict[int, Callback]):
    """What Lark's tree builder would call on each reduction, by its number.

    Each is made when it is first needed: a lone expression needs few, and to make all takes longer than to parse it.
    """

    def __init__(
        self, builder: object, rules: tuple[tuple[Rule, Sequence[Callable[[Callback], Callback]]], ...]
    ) -> None:
        self._builder, self._rules = builder, rules

    def __missing__(self, number: int) -> Callback:
        rule, wrappers = self._rules[number]
        name = str(rule.alias or rule.origin.name)
        callback: Callback = getattr(self._builder, name, None) or partial(Tree, name)
        for wrap in wrappers:
            callback = wrap(callback)
        self[number] = callback
        return callback


@cache
def grammar() -> Grammar:
    """Read and compiled at the first use, which takes a quarter of a second."""
    text = resources.files("grammar.syntax").joinpath("flow.lark").read_text(encoding="utf-8")
    lark = Lark(text, parser="lalr", lexer="basic", start=list(STARTS), maybe_placeholders=True)
    parsers = {start: lark.parse_interactive(start=start).parser_state.parse_conf for start in STARTS}
    builder = ParseTreeBuilder(lark.rules, Tree, maybe_placeholders=True)  # type: ignore[no-untyped-call]
    reductions = {
        rule: Reduction(str(rule.origin.name), len(rule.expansion), number, _is_step(rule))
        for number, (rule, _) in enumerate(builder.rule_builders)
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
        _rules=tuple(builder.rule_builders),
    )


def _is_step(rule: Rule) -> bool:
    return rule.options.expand1 and not rule.alias and len(rule.expansion) == 1
