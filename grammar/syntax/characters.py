"""Characters that do not belong to the language: what an author who typed or pasted one should use instead."""

TYPOGRAPHIC = {
    "‘": "'", "’": "'", "‚": "'", "‛": "'", "“": '"', "”": '"', "„": '"', "‟": '"', "«": '"', "»": '"',
    "「": '"', "」": '"', "『": '"', "』": '"', "、": ",", "。": ".", "【": "[", "】": "]", "〔": "[", "〕": "]",
    "–": "-", "—": "-", "−": "-", "‐": "-", "‑": "-", "×": "*", "÷": "/", "≥": ">=", "≤": "<=", "≠": "!=",
    "\u00a0": " ", "\u2007": " ", "\u202f": " ", "\u3000": " ", "\u2003": " ", "\u2002": " ", "\u2009": " ",
}  # fmt: skip
"""What word processors and input methods put in the place of plain characters."""

_WIDTHS = {"\t": 4, "\u3000": 2, "\u200b": 0, "\ufeff": 0}
BLANK = "\t\v\f\u00a0\u2000-\u200b\u202f\u205f\u3000\ufeff"
"""What indents a line to the eye and is no space, as a class of a regular expression."""

CLOSING_QUOTES = {"‘": "’", "“": "”", "„": "“”", "‚": "‘’", "«": "»", "「": "」", "『": "』", "”": "”", "’": "’"}
"""What may end a text that an author opened with a typographic quote."""


def replacement(char: str) -> str | None:
    """The plain character for a typographic or full-width one, or None."""
    if "\uff01" <= char <= "\uff5e":
        return chr(ord(char) - 0xFEE0)
    return TYPOGRAPHIC.get(char)


def width(indentation: str) -> int:
    """How many spaces wide an indentation looks."""
    if indentation.isascii():
        return len(indentation.expandtabs(4))
    return sum(_WIDTHS.get(char, 1) for char in indentation)


def shown(char: str) -> str:
    """How a message names a character: printable as it is, else by its number."""
    return f"the character `{char}`" if char.isprintable() and char != " " else f"the character U+{ord(char):04X}"
