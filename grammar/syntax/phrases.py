"""How messages call the things of the language: what an author sees in the text, never a name from the grammar."""

from collections.abc import Iterable

from grammar import wording
from grammar.syntax.tokens import Line, Token
from grammar.wording import listed

DECLARATIONS = ("event", "field", "segment", "flow")
CLAUSES = ("on", "when", "limit", "hours", "exit", "goal")
STEPS = ("send", "if", "set", "convert", "wait", "split", "stop")
WEB_PARTS = ("text", "button", "sender")
EMAIL_PARTS = ("subject", "text", "html", "to")
MESSAGE_PARTS = tuple(dict.fromkeys((*WEB_PARTS, *EMAIL_PARTS)))

MEANT = {
    **dict.fromkeys(("elseif", "elsif"), "elif"),
    **dict.fromkeys(("after", "delay", "sleep"), "wait"),
    **dict.fromkeys(("end", "return"), "stop"),
    **dict.fromkeys(("email", "mail"), "send email"),
    "message": "send web",
    "webhook": "send webhook",
    "trigger": "on",
    "otherwise": "else",
    "let": "set",
}
"""What authors have in mind who begin a line with another word."""

STEP_HELP = {
    **dict.fromkeys(("while", "for", "repeat", "loop", "goto"), wording.NO_LOOPS),
    "unless": wording.UNLESS,
    **dict.fromkeys(("unset", "clear", "delete"), wording.UNSET),
    **dict.fromkeys(("increment", "add", "inc"), wording.ADD_ONE),
    **dict.fromkeys(("//", "/"), wording.COMMENT),
}
"""What to write for steps that there are not."""

_ARM = "an arm of a split"
_FORMS = {
    "event": 'an event is declared like `event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"`',
    "field": "a field is declared like `field extra_field_TEXT_1 text`",
    "segment": 'a segment begins like `segment heavy_clickers "Heavy clickers":`',
    "flow": 'a flow begins like `flow offer_help "Offer help":`',
    "on": "write `on webclick`, `on event 1`, `on any event`, `on visit` or the like; commas separate several",
    "on enter": "write it like `on enter heavy_clickers`, with the name of a segment",
    "on leave": "write it like `on leave heavy_clickers`, with the name of a segment",
    "on change": "write it like `on change user_city`, with the name of a field",
    "limit": "write `limit once`, `limit 3` or `limit 1 per 7d`",
    "hours": 'write it like `hours "08:00-22:00" "mon-fri" "Asia/Shanghai"`; days and zone may be left out',
    "exit": 'write it like `exit when customer_user_type == "VIP"`, above the steps; a run is ended below by `stop`',
    "goal": "write it like `goal event_count_3 > 0 within 3d`",
    "send": "write `send web`, `send email` or `send webhook`",
    "send web": 'write `send web "Hello"`, or `send web:` with `text "Hello"` indented below it',
    "send email": 'write `send email:`, with lines `subject "Hello"` and `text "Hello"` indented below it',
    "send webhook": 'write it like `send webhook "https://example.com/hook" with user_email, event_count_1`',
    "set": 'write it like `set extra_field_TEXT_1 = "Hello"`',
    "convert": 'write it like `convert "customer"`',
    "wait": "write it like `wait 3d` or `wait until event_count_2 > 0 for 30m`",
    "wait until": "write it like `wait until event_count_2 > 0 for 30m`, with a colon if steps stand below it",
    "timeout": "write `timeout:`",
    "split": "write `split:`, with arms such as `50%:` indented below it",
    _ARM: 'write it like `50%:` or `50% "name":`',
    "text": 'write it like `text "Hello"`',
    "button": 'write it like `button "Open" link "https://example.com/"`',
    "sender": 'write it like `sender "The team"`',
    "subject": 'write it like `subject "Hello"`',
    "html": 'write it like `html "<p>Hello</p>"`',
    "to": "write it like `to user_email`",
    "stop": "`stop` stands alone in its line",
    "else": "write `else:`",
    "else if": "write `elif` for `else if`",
}
"""How a line that begins with a word, or with two, is written."""

_HEADERS = {
    "flow": "a flow",
    "segment": "a segment",
    "if": "an `if`",
    "elif": "an `elif`",
    "else": "an `else`",
    "send web": "a message without its text in the same line",
    "send email": "an e-mail",
    "wait until": "a `wait until`",
    "timeout": "a `timeout`",
    "split": "a `split`",
    _ARM: _ARM,
}
"""Lines that end with a colon."""


def form(line: Line) -> str | None:
    """How a line that begins like this one is written."""
    return _looked_up(_FORMS, line)


def header(line: Line) -> str | None:
    """What a line that begins like this one, and ends with a colon, begins."""
    return _looked_up(_HEADERS, line)


def parts(accepted: Iterable[str]) -> tuple[str, tuple[str, ...]] | None:
    """The kind of message whose part can begin with these terminals, and its parts."""
    is_web, is_email = "BUTTON" in accepted, "SUBJECT" in accepted
    if is_web and is_email:
        return "a message", MESSAGE_PARTS
    if is_web:
        return "a web message", WEB_PARTS
    return ("an e-mail", EMAIL_PARTS) if is_email else None


def is_arm(line: Line) -> bool:
    """Whether a line begins like an arm of a `split`, its percents perhaps no whole number."""
    first, second = line.tokens[:1], line.tokens[1:2]
    return bool(first and first[0].type in ("INT", "FLOAT") and second and second[0].type in ("PERCENT", "COLON"))


def _looked_up(phrases: dict[str, str], line: Line) -> str | None:
    words = [token.text for token in line.tokens[:2]]
    if line.tokens and line.tokens[0].type == "INT":
        return phrases.get(_ARM)
    return phrases.get(" ".join(words)) or phrases.get(line.head)


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
    "EMAIL": "`email`",
    "WEBHOOK": "`webhook`",
    "WHEN": "`when`",
    "UNTIL": "`until`",
    "WITH": "`with`",
    "WITHIN": "`within`",
    "FOR": "`for`",
    "PERCENT": "`%`",
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
        terminals -= {"IN", "ELSE", "PERCENT"}
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
