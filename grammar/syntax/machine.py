"""Runs Lark's LALR table on tokens, one by one.

Lark's own loop raises at the first token that does not fit; this one says so and stays usable, since the parser goes on
after an error. It also takes the rungs of the precedence ladder that only hand a value on in one step: a lone literal
climbs ten of them.
"""

from typing import Any

from grammar.syntax.table import Action, Callbacks, Reduction, grammar
from grammar.syntax.tokens import Token


class Machine:
    """A parser of `start` rules. A height of its stack can be kept and gone back to."""

    __slots__ = ("_actions", "_callbacks", "_end", "_expected", "_shortcuts", "_states", "_values")

    def __init__(self, start: str, callbacks: Callbacks) -> None:
        table = grammar()
        self._callbacks = callbacks
        self._actions, self._shortcuts, self._expected = table.actions, table.shortcuts, table.expected
        self._end = table.ends[start]
        self._states: list[int] = [table.starts[start]]
        self._values: list[Any] = []

    def feed(self, token: Token) -> bool:
        """Takes a token, and returns whether it fitted. One that does not may leave reductions, and no harm."""
        states, values, actions = self._states, self._values, self._actions
        terminal = token.type
        while True:
            state = states[-1]
            action = actions[state].get(terminal)
            if action is None:
                return terminal == "$END" and state == self._end
            if isinstance(action, int):
                states.append(action)
                values.append(token)
                return True
            if action.step:
                states[-1] = self._shortcuts.get((states[-2], state, terminal)) or self._climb(state, terminal)
                continue
            children: list[Any] = []
            size = action.size
            if size:
                children = values[-size:]
                del states[-size:], values[-size:]
            values.append(self._callbacks[action.number](children))
            states.append(self._after(states[-1], action))

    def _after(self, state: int, reduction: Reduction) -> int:
        """The state in which to go on with what a reduction gave, on top of a state."""
        target = self._actions[state][reduction.origin]
        assert isinstance(target, int)
        return target

    def _climb(self, top: int, terminal: str) -> int:
        """Where the ladder leads from the top state when this terminal comes next."""
        below, state = self._states[-2], top
        while True:
            action: Action | None = self._actions[state].get(terminal)
            if not isinstance(action, Reduction) or not action.step:
                self._shortcuts[below, top, terminal] = state
                return state
            state = self._after(below, action)

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
        return self._expected[self._states[-1]]

    def has(self, terminal: str) -> bool:
        """Whether `possible` has a terminal."""
        return terminal in self._actions[self._states[-1]]

    def accepts(self, terminal: str) -> bool:
        """Whether a terminal would fit, exactly."""
        if not self.has(terminal):
            return False
        states = self._states[:]
        while True:
            action = self._actions[states[-1]].get(terminal)
            if not isinstance(action, Reduction):
                return action is not None
            del states[len(states) - action.size :]
            states.append(self._after(states[-1], action))
