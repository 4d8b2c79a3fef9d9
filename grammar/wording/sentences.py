"""What all the wording is made of: a diagnostic's beginning, and the small words of its sentences."""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostic, Label
from grammar.source import Span


def error(code: str, span: Span, message: str, help: str | None = None, labels: tuple[Label, ...] = ()) -> Diagnostic:
    return Diagnostic(code, "error", message, span, help, labels)


def warning(code: str, span: Span, message: str, help: str | None = None, labels: tuple[Label, ...] = ()) -> Diagnostic:
    return Diagnostic(code, "warning", message, span, help, labels)


def did_you_mean(name: str | None) -> str | None:
    return None if name is None else f"did you mean `{name}`?"


def listed(words: Sequence[str], last: str = "or") -> str:
    """`a, b or c`."""
    return " ".join([", ".join(words[:-1]), last, words[-1]]) if len(words) > 1 else "".join(words)


def counted(number: int, noun: str) -> str:
    """`1 argument`, `2 arguments`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def write(text: str) -> str:
    return f"write `{text}`"


def quoted(word: str) -> str:
    return f"`{word}`"
