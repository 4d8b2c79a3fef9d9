"""One expression by itself, with variables given by name: what `whenflow eval` answers (LANGUAGE.md section 9)."""

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from types import MappingProxyType
from typing import Any
from zoneinfo import ZoneInfo

from engine.compile import Compiled, Compiler
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.checker import MAX_EVENTS, check_expression
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.names import INSTANT_VARIABLES, is_taken
from grammar.syntax.parser import parse_expression, read_source
from grammar.types import Scope, Type
from variables.catalogue import KINDS
from variables.values import READERS, Misfit, Value, moment, write

_SOURCES = MappingProxyType({"is_online": "last_seen_time", "is_anonymous_user": "ent_user_id"})
"""What each derived variable is computed from."""
_KNOWN = Scope.build(range(1, MAX_EVENTS + 1), {}).types
_UTC = ZoneInfo("UTC")


class BadRequest(Exception):
    """What was given beside the expression cannot be used; the message says what and why."""


class BadExpression(Exception):
    """The expression has errors."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        self.diagnostics = diagnostics
        super().__init__(diagnostics[0].message)


@dataclass(frozen=True, slots=True)
class _Given:
    """The variables of a request: the values they have, and the types of those that the language does not know."""

    values: dict[str, Value]
    fields: dict[str, Type] = field(default_factory=dict)


def evaluate(expression: str, variables: Mapping[str, Any], now: datetime) -> Value:
    """The value of an expression at an instant, for a visitor with these variables (JSON values, by name).

    Events 1 to 8 count as declared; what is not given is null, 0 or False; a name that is no variable is a custom
    field of its value's type. Raises BadRequest, BadExpression.
    """
    given = _read(variables)
    inlined = frozenset(name for name, source in _SOURCES.items() if name not in given.values and source in variables)
    compiled = _compiled(expression, tuple(given.fields.items()), inlined)
    return compiled.evaluate({**dict.fromkeys(compiled.reads), **_DEFAULTS, **given.values}, now)


def read_instant(given: object) -> datetime:
    """An instant given as ISO text or as unix seconds, in whole milliseconds. Raises BadRequest."""
    try:
        raw = write(given, "datetime")
    except Misfit as misfit:
        raise BadRequest(f"now {misfit}") from None
    if raw is None:
        raise BadRequest("now is null: leave it out, or give a moment such as 2026-01-01T10:00:00Z")
    return moment(int(raw))


def _read(variables: Mapping[str, Any]) -> _Given:
    given = _Given({})
    for written, value in variables.items():
        name = unicodedata.normalize("NFKC", written)  # as the language reads names
        type_ = _KNOWN.get(name)
        if type_ is None:
            type_ = given.fields[name] = _field_type(name, value)
        elif name == "now":
            raise BadRequest("now is no variable of the visitor: it is given beside the variables")
        kind = KINDS[type_ & ~Type.NULL]
        try:
            raw = write(value, kind)
        except Misfit as misfit:
            raise BadRequest(f"{name} {misfit}") from None
        if raw is not None:
            given.values[name] = READERS[kind](raw)
    return given


def _field_type(name: str, value: Any) -> Type:
    """The type of a custom field that has this value: of null and of what only JSON has, json."""
    if not name.isidentifier() or is_taken(name):
        raise BadRequest(f"`{name}` is neither a variable nor a name that a custom field can have")
    types = {str: Type.TEXT, bool: Type.BOOL, int: Type.INT, float: Type.FLOAT}
    return types.get(type(value), Type.JSON)


def _default(type_: Type) -> Value:
    if Type.NULL in type_ or type_ in (Type.JSON, Type.TEXT):
        return None
    return False if type_ is Type.BOOL else 0


_DEFAULTS = {name: _default(type_) for name, type_ in _KNOWN.items() if name not in INSTANT_VARIABLES}


@lru_cache(maxsize=1024)
def _compiled(text: str, fields: tuple[tuple[str, Type], ...], inlined: frozenset[str]) -> Compiled:
    """`inlined`: the derived variables that are to be computed."""
    report = Diagnostics()
    source = read_source("expression", text, report)
    expression = None if source is None else parse_expression(source, report)
    scope = Scope.build(range(1, MAX_EVENTS + 1), dict(fields))
    scope = Scope({**scope.types, "visitor_id": Type.TEXT | Type.NULL})
    if expression is not None:
        check_expression(expression, scope, report)
    if expression is None or report.errors:
        raise BadExpression(report.errors)
    derived = {name: meaning for name, meaning in DERIVED.items() if name in inlined}
    return Compiler(scope, _UTC, BUILT_IN_SEGMENTS, derived).value(expression)
