"""The grammar, compiled once: Lark's LALR table, and the words and symbols that the grammar writes in quotes."""

from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from lark import Lark
from lark.lexer import PatternStr
from lark.parse_tree_builder import ParseTreeBuilder
from lark.parsers.lalr_parser_state import ParserState
from lark.tree import Tree

STARTS = ("script", "expression")


@dataclass(frozen=True, slots=True)
class Grammar:
    """`terminals` gives the terminal of each word and symbol; tokens of other kinds are named by the lexer."""

    lark: Lark
    terminals: dict[str, str]
    _builder: ParseTreeBuilder

    def callbacks(self, builder: object) -> dict[Any, Any]:
        """What the parser calls on each reduction: the method of `builder` with the rule's name."""
        callbacks: dict[Any, Any] = self._builder.create_callback(builder)  # type: ignore[no-untyped-call]
        return callbacks

    def state(self, start: str, callbacks: dict[Any, Any]) -> ParserState[int]:
        """A parser at the beginning of `start`, into which tokens can be fed one by one."""
        state = self.lark.parse_interactive(start=start).parser_state
        state.parse_conf.callbacks = callbacks
        return state


@cache
def grammar() -> Grammar:
    """Read and compiled at the first use, which takes a quarter of a second."""
    text = resources.files("grammar").joinpath("flow.lark").read_text(encoding="utf-8")
    lark = Lark(text, parser="lalr", lexer="basic", start=list(STARTS), maybe_placeholders=True)
    terminals = {
        terminal.pattern.value: terminal.name for terminal in lark.terminals if isinstance(terminal.pattern, PatternStr)
    }
    builder = ParseTreeBuilder(lark.rules, Tree, maybe_placeholders=True)  # type: ignore[no-untyped-call]
    return Grammar(lark, terminals, builder)
