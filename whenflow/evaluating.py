"""`whenflow eval`: the value of one expression, or of one a line."""

import json
import os
import sys
import time
from codecs import BOM_UTF8
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from pydantic_core import from_json

from engine.evaluate import BadExpression, BadRequest, evaluate, read_instant
from engine.functions import json_default
from variables.values import Value, moment


def evaluate_one(expression: str, variables_json: str | None, now: str | None) -> str:
    """The value as JSON. Raises BadRequest, BadExpression."""
    variables = _parsed(os.fsencode(variables_json), "--vars") if variables_json is not None else {}
    return _shown(evaluate(expression, _object(variables, "--vars"), _instant(now)))


def evaluate_lines(lines: Iterable[bytes]) -> Iterator[str]:
    """For each line `{"expr", "vars", "now"}` (UTF-8) a line `{"value"}` or `{"error": {"code", "message"}}`."""
    for line in lines:
        line = line.removeprefix(BOM_UTF8)
        if not line.strip():
            continue
        try:
            request = _object(_parsed(line, "the line"), "the line")
            value = evaluate(
                _expression(request), _object(request.get("vars") or {}, "vars"), _instant(request.get("now"))
            )
        except BadRequest as refused:
            yield _error("bad_request", str(refused))
        except BadExpression as refused:
            yield _error(refused.diagnostics[0].code, refused.diagnostics[0].message)
        else:
            yield f'{{"value": {_shown(value)}}}'


def _parsed(text: bytes, what: str) -> Any:
    try:
        return from_json(text, allow_inf_nan=False)
    except ValueError as error:
        raise BadRequest(f"{what} is no JSON: {error}") from None


def _object(value: Any, what: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise BadRequest(f"{what} must be a JSON object")
    return value


def _expression(request: dict[str, Any]) -> str:
    expression = request.get("expr")
    if not isinstance(expression, str):
        raise BadRequest('the line needs "expr": the expression, as a text')
    return expression


def _instant(now: object) -> datetime:
    return moment(time.time_ns() // 1_000_000) if now is None else read_instant(now)


def _shown(value: Value) -> str:
    """As JSON. An int has its digits, however many; while it was computed, Python's limit held, as everywhere."""
    limit = sys.get_int_max_str_digits()
    sys.set_int_max_str_digits(0)
    try:
        return json.dumps(value, ensure_ascii=False, allow_nan=False, default=json_default)
    finally:
        sys.set_int_max_str_digits(limit)


def _error(code: str, message: str) -> str:
    return json.dumps({"error": {"code": code, "message": message}}, ensure_ascii=False)
