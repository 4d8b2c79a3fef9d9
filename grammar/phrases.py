"""How messages call the things of the language: what an author sees in the text, never a name from the grammar."""

from collections.abc import Iterable

from grammar.tokens import Token
from grammar.wording import listed

DECLARATIONS = ("event", "field", "segment", "flow")
CLAUSES = ("on", "when", "limit")
STEPS = ("send", "if", "set", "convert", "stop")
MESSAGE_PARTS = ("text", "button", "sender")

LATER = {
    "hours": "the clause `hours`",
    "exit": "the clause `exit when`",
    "goal": "the clause `goal`",
    "wait": "the step `wait`",
    "timeout": "the step `wait`",
    "split": "the step `split`",
}
"""Clauses and steps of the language that the next version brings."""
LATER_ITEMS = ("visit", "identify")
"""After `on` these always mean the item, never an event of that name."""
LATER_TRIGGERS = ("visit", "identify", "enter", "leave", "change")
LATER_CHANNELS = ("email", "webhook")

FORMS = {
    "event": 'an event is declared like `event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"`',
    "field": "a field is declared like `field extra_field_TEXT_1 text`",
    "segment": 'a segment begins like `segment heavy_clickers "Heavy clickers":`',
    "flow": 'a flow begins like `flow offer_help "Offer help":`',
    "on": "write `on webclick`, `on event 1` or `on any event`; several are separated by commas",
    "limit": "write `limit once`, `limit 3` or `limit 1 per 7d`",
    "send": 'write `send web "Hello"`, or `send web:` with `text "Hello"` indented below it',
    "set": "write it like `set extra_field_TEXT_1 = 5`",
    "convert": 'write it like `convert "customer"`',
    "text": 'write it like `text "Hello"`',
    "button": 'write it like `button "Open" link "https://example.com/"`',
    "sender": 'write it like `sender "The team"`',
    "stop": "`stop` stands alone in its line",
    "else": "write `else:`",
}
"""How a line that begins with a word is written."""

HEADERS = {
    "flow": "a flow",
    "segment": "a segment",
    "if": "an `if`",
    "elif": "an `elif`",
    "else": "an `else`",
    "send": "a message without its text in the same line",
}
"""Lines that end with a colon."""

_EXPECTED = {
    "NAME": "a name",
    "STRING": "a text in quotes",
    "INT": "a whole number",
    "DURATION": "a duration such as `7d`",
    "COLON": "a colon",
    "COMMA": "a comma",
    "CLOSE_ROUND": "`)`",
    "CLOSE_SQUARE": "`]`",
    "ONCE": "`once`",
    "PER": "`per`",
    "WEB": "`web`",
    "LINK": "`link`",
    "IN": "`in`",
    "EVENT": "`event`",
    "ANY": "`any event`",
    "ELSE": "`else`",
    "_NEWLINE": "the end of the line",
    "$END": "the end of the expression",
}


def expected(accepted: Iterable[str], equals: str) -> str:
    """What can stand at a place that accepts these terminals, as a list in words. Empty if that would say nothing."""
    terminals = set(accepted)
    words = []
    if {"NAME", "OPEN_ROUND", "MINUS"} <= terminals:
        words.append("a value")
        terminals -= {"NAME", "INT", "STRING", "DURATION", "IN"}
    elif "PLUS" in terminals:
        words.append("an operator")
        terminals -= {"IN", "ELSE"}
    if equals in terminals:
        words.append("`=`")
    words += [phrase for terminal, phrase in _EXPECTED.items() if terminal in terminals]
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
