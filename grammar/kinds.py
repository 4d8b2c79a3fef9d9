"""The language's types (LANGUAGE.md section 5): a type is the set of kinds that a value may have."""

from enum import Flag, auto


class Type(Flag):
    """The kinds a value may have; a union is a type too.

    `INT | NULL` is a whole number or null; `JSON` is any value that JSON can write, null included.
    """

    NULL = auto()
    BOOL = auto()
    INT = auto()
    FLOAT = auto()
    TEXT = auto()
    DATETIME = auto()
    DURATION = auto()
    LIST = auto()
    JSON = auto()


NUMBER = Type.BOOL | Type.INT | Type.FLOAT
ANY = NUMBER | Type.NULL | Type.TEXT | Type.DATETIME | Type.DURATION | Type.LIST | Type.JSON
LARGEST_INT = 2**53 - 1
"""Of a custom int field (LANGUAGE.md section 4)."""
