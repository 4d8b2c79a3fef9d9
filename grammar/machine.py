"""Runs Lark's LALR table on tokens, one by one.

Lark's own loop raises at the first token that does not fit; this one says so and stays usable, since the parser goes on
after an error. It also takes the rungs of the precedence ladder that only hand a value on in one step: a lone literal
climbs ten of them.
"""

from typing import Any

from grammar.table import Callbacks, grammar
from grammar.tokens import Token


class Machine:
    """A parser of `start` rules. A height of its stack can be kept and gone back to."""

    __slots__ = ("_actions", "_callbacks", "_end", "_grammar", "_shortcuts", "_states", "_steps", "_values")

    def __init__(self, start: str, callbacks: Callbacks) -> None:
        table = self._grammar = grammar()
        self._callbacks = callbacks
        self._actions, self._steps, self._shortcuts = table.actions, table.steps, table.shortcuts
        self._end = table.ends[start]
        self._states: list[int] = [table.starts[start]]
        self._values: list[Any] = []

    def feed(self, token: Token) -> bool:
        """Takes a token, and returns whether it fitted. One that does not may leave reductions, and no harm."""
        states, values, actions, steps = self._states, self._values, self._actions, self._steps
        terminal = token.type
        while True:
            state = states[-1]
            action = actions[state].get(terminal)
            if action is None:
                return terminal == "$END" and state == self._end
            target, rule = action
            if rule is None:
                assert target is not None
                states.append(target)
                values.append(token)
                return True
            if rule in steps:
                states[-1] = self._shortcuts.get((states[-2], state, terminal)) or self._climb(state, terminal)
                continue
            size = len(rule.expansion)
            children: list[Any] = []
            if size:
                children = values[-size:]
                del states[-size:], values[-size:]
            values.append(self._callbacks[rule](children))
            states.append(self._grammar.after(states[-1], rule))

    def _climb(self, top: int, terminal: str) -> int:
        """Where the ladder leads from the top state when this terminal comes next."""
        below, state = self._states[-2], top
        while True:
            _, rule = self._actions[state].get(terminal, (None, None))
            if rule is None or rule not in self._steps:
                self._shortcuts[below, top, terminal] = state
                return state
            state = self._grammar.after(below, rule)

    def finish(self) -> tuple[bool, Any]:
        """Ends the input: whether it could end here, and the value of it all."""
        fits = self.feed(Token("$END", "", 0, 0))
        return fits, self._values[-1] if fits else None

    @property
    def height(self) -> int:
        return len(self._states)

    def cut(self, height: int) -> None:
        """Forgets what was taken since the stack had this height."""
        del self._states[height:]
        del self._values[height - 1 :]

    def possible(self) -> frozenset[str]:
        """The terminals that the table has here. Some may be refused nevertheless: LALR merges lookaheads."""
        return frozenset(name for name in self._actions[self._states[-1]] if name.isupper())

    def has(self, terminal: str) -> bool:
        """Whether `possible` has a terminal."""
        return terminal in self._actions[self._states[-1]]

    def accepts(self, terminal: str) -> bool:
        """Whether a terminal would fit, exactly."""
        if not self.has(terminal):
            return False
        states = list(self._states)
        while True:
            target, rule = self._actions[states[-1]].get(terminal, (None, None))
            if rule is None:
                return target is not None
            del states[len(states) - len(rule.expansion) :]
            states.append(self._grammar.after(states[-1], rule))
