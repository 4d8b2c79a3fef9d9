"""How the canonical layout writes a single token: constants, floats and text literals have one spelling each."""

from grammar.literals import unescape_pattern
from grammar.syntax.tokens import Token


def spelled(token: Token) -> str:
    """The canonical text of a token: `null` is `None`, `.5` is `0.5`, `'a'` is `"a"`. Its value stays the same."""
    match token.type:
        case "BOOL" | "NONE":
            return repr(token.value)
        case "FLOAT":
            return _float(token.text)
        case "STRING":
            return _text(token.text)
        case _:
            return token.text


def _float(written: str) -> str:
    """A digit on either side of the point, and a small `e`; the digits stay as the author wrote them."""
    mantissa, e, exponent = written.lower().partition("e")
    if mantissa.startswith("."):
        mantissa = "0" + mantissa
    if mantissa.endswith("."):
        mantissa += "0"
    return mantissa + e + exponent


def _text(written: str) -> str:
    '''Double quotes, or single ones where these need fewer escapes. A text in `"""` stays as it is.

    A backslash and what follows it are one unit in plain texts as in patterns, and before a quote both sorts drop the
    backslash; so the same rewriting keeps the value of both.
    '''
    if written.startswith('"""'):
        return written
    body = unescape_pattern(written[1:-1])
    quote = '"' if body.count('"') <= body.count("'") else "'"
    return quote + body.replace(quote, "\\" + quote) + quote
