"""How messages call what stands in a line: what an author sees in the text, never a name from the grammar."""

from collections.abc import Iterable

from grammar.names import EMAIL_PARTS, MESSAGE_PARTS, WEB_PARTS
from grammar.syntax.tokens import Line, Token
from grammar.wording import forms, listed


def form(line: Line) -> str | None:
    """How a line that begins like this one is written."""
    return _looked_up(forms.LINES, line)


def header(line: Line) -> str | None:
    """What a line that begins like this one, and ends with a colon, begins."""
    return _looked_up(forms.BLOCKS, line)


def parts(accepted: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    """The kind of message whose part can begin with these terminals, and its parts."""
    is_web, is_email = "BUTTON" in accepted, "SUBJECT" in accepted
    if is_web and is_email:
        return "a message", MESSAGE_PARTS
    if is_web:
        return "a web message", WEB_PARTS
    return ("an e-mail", EMAIL_PARTS) if is_email else None


def _looked_up(phrases: dict[str, str], line: Line) -> str | None:
    words = [token.text for token in line.tokens[:2]]
    if line.tokens and line.tokens[0].type == "INT":
        return phrases.get(forms.ARM)
    return phrases.get(" ".join(words)) or phrases.get(line.head)


def expected(accepted: Iterable[str], equals: str) -> str:
    """What can stand at a place that accepts these terminals, as a list in words. Empty if that would say nothing."""
    terminals = set(accepted)
    words = []
    if {"NAME", "OPEN_ROUND", "MINUS"} <= terminals:
        words.append("a value")
        terminals -= {"NAME", "INT", "STRING", "DURATION", "IN"}
    elif "PLUS" in terminals:
        words.append("an operator")
        terminals -= {"IN", "ELSE", "PERCENT"}
    if equals in terminals:
        words.append("`=`")
    words += [phrase for terminal, phrase in forms.EXPECTED.items() if terminal in terminals]
    return listed(words)


def found(token: Token) -> str:
    """What stands there, with its article."""
    shown = token.text if len(token.text) <= 40 else token.text[:37] + "…"
    match token.type:
        case "_NEWLINE":
            return "the end of the line"
        case "$END":
            return "the end of the expression"
        case "STRING":
            return "this text" if "\n" in shown else f"the text {shown}"
        case "INT" | "FLOAT":
            return f"the number `{shown}`"
        case "DURATION":
            return f"the duration `{shown}`"
        case "NAME":
            return f"the name `{shown}`"
        case _:
            return f"`{shown}`"


def beginning(token: Token) -> str:
    """A word that begins a line, as it is written; other things as `found` calls them."""
    return f"`{token.text}`" if token.type == "NAME" and len(token.text) <= 40 else found(token)
