"""As much of a TextMate grammar's engine as the highlighting needs: which scope each character of a text gets.

Rules of `match`, and of `begin` and `end` (which wins over the patterns inside it, where both match), captures,
includes. Regular expressions are Python's: what the grammar uses means the same in Oniguruma.
"""

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

Rule = Mapping[str, Any]
FILE = Path(__file__).parents[2] / "editors" / "vscode" / "syntaxes" / "whenflow.tmLanguage.json"


class Highlighter:
    """A grammar, compiled."""

    def __init__(self, file: Path = FILE) -> None:
        self._grammar: Rule = json.loads(file.read_text(encoding="utf-8"))
        self._compiled = {text: re.compile(text, re.MULTILINE) for text in self.expressions()}

    def expressions(self) -> list[str]:
        """All the regular expressions of the grammar."""
        found: list[str] = []
        pending: list[Any] = [self._grammar]
        while pending:
            node = pending.pop()
            if isinstance(node, dict):
                found += [node[key] for key in ("match", "begin", "end") if key in node]
                pending += node.values()
            elif isinstance(node, list):
                pending += node
        return found

    def scopes(self, text: str) -> list[str]:
        """The innermost scope of each character, "" where there is none."""
        found = [""] * len(text)
        stack: list[Rule] = [self._grammar]
        start = 0
        for line in text.splitlines(keepends=True):
            self._line(line.rstrip("\n"), start, stack, found)
            start += len(line)
        return found

    def _line(self, line: str, start: int, stack: list[Rule], found: list[str]) -> None:
        at, seen = 0, set[tuple[int, int]]()
        while at <= len(line):
            rule = stack[-1]
            candidates = [*self._ends(rule, line, at), *self._inside(rule, line, at)]
            match, chosen = min(candidates, key=lambda each: each[0].start(), default=(None, None))
            until = len(line) if match is None else match.start()
            self._paint(found, start + at, start + until, rule.get("contentName") or rule.get("name", ""))
            if match is None:
                return
            if chosen is None:
                self._mark(rule, match, "endCaptures", start, found)
                stack.pop()
            else:
                self._mark(chosen, match, "beginCaptures" if "begin" in chosen else "captures", start, found)
                if "begin" in chosen:
                    stack.append(chosen)
            if match.end() == match.start() and (match.end(), len(stack)) in seen:
                at = match.end() + 1
            else:
                seen.add((match.end(), len(stack)))
                at = match.end()

    def _ends(self, rule: Rule, line: str, at: int) -> Iterator[tuple[re.Match[str], None]]:
        match = self._compiled[rule["end"]].search(line, at) if "end" in rule else None
        if match is not None:
            yield match, None

    def _inside(self, rule: Rule, line: str, at: int) -> Iterator[tuple[re.Match[str], Rule]]:
        for each in self._flat(rule.get("patterns", ())):
            match = self._compiled[each.get("match") or each["begin"]].search(line, at)
            if match is not None:
                yield match, each

    def _flat(self, patterns: Any) -> Iterator[Rule]:
        for each in patterns:
            if "include" in each:
                included = self._grammar["repository"][each["include"].removeprefix("#")]
                yield from self._flat(
                    [included] if "match" in included or "begin" in included else included["patterns"]
                )
            else:
                yield each

    def _mark(self, rule: Rule, match: re.Match[str], captures: str, start: int, found: list[str]) -> None:
        self._paint(found, start + match.start(), start + match.end(), rule.get("name", ""))
        for group, capture in rule.get(captures, {}).items():
            if match.start(int(group)) >= 0:
                self._paint(found, start + match.start(int(group)), start + match.end(int(group)), capture["name"])

    @staticmethod
    def _paint(found: list[str], start: int, end: int, scope: str) -> None:
        if scope:
            found[start:end] = [scope] * (end - start)
