"""The six peers, each given a condition in its own syntax and evaluated the way its own documentation shows.

What can be done once is done beforehand: parsing, compiling, and where the peer has values of its own types
(cel-python) their conversion as well. They are imported by name, as most have no types and none is Whenflow's own.
"""

from collections.abc import Callable
from datetime import datetime
from importlib import import_module
from typing import Any

from bench.cases import NOW, WEEK, Case, Values
from bench.rounds import Contender


def zen_engine(case: Case, values: Values) -> Contender:
    """Takes no moments: they are numbers of seconds."""
    run = import_module("zen").compile_expression(case.zen).evaluate
    return Contender("zen-engine", "run(values)", {"run": run, "values": _in_seconds(_with_now(case, values))})


def simpleeval(case: Case, values: Values) -> Contender:
    """Parsed beforehand; `names` is a dict that its owner may change between evaluations."""
    evaluator = import_module("simpleeval").SimpleEval(names={**_with_now(case, values), "week": WEEK})
    names = {"run": evaluator.eval, "text": case.python, "parsed": evaluator.parse(case.python)}
    return Contender("simpleeval", "run(text, parsed)", names)


def rule_engine(case: Case, values: Values) -> Contender:
    run = import_module("rule_engine").Rule(case.rule_engine).matches
    return Contender("rule-engine", "run(values)", {"run": run, "values": _with_now(case, values)})


def common_expression_language(case: Case, values: Values) -> Contender:
    run = import_module("cel").compile(case.cel).execute
    return Contender("common-expression-language", "run(values)", {"run": run, "values": _with_now(case, values)})


def cel_expr_python(case: Case, values: Values) -> Contender:
    """A moment that may be null fits none of its types: moments are numbers of seconds."""
    cel = import_module("cel_expr_python.cel")
    known = _in_seconds(_with_now(case, values))
    run = cel.NewEnv(variables=dict.fromkeys(known, cel.Type.DYN)).compile(case.cel_seconds).eval
    return Contender("cel-expr-python", "run(data=values).value()", {"run": run, "values": known})


def cel_python(case: Case, values: Values) -> Contender:
    """With the runner that it takes by default. It does not compare a map with null, but `has` asks the same."""
    celpy = import_module("celpy")
    environment = celpy.Environment()
    text = case.cel.replace("event_last_data_1 != null", "has(event_last_data_1.amount)")
    run = environment.program(environment.compile(text)).evaluate
    known = {name: _for_celpy(celpy, value) for name, value in _with_now(case, values).items()}
    return Contender("cel-python", "run(values)", {"run": run, "values": known})


PEERS: tuple[Callable[[Case, Values], Contender], ...] = (
    zen_engine,
    simpleeval,
    rule_engine,
    common_expression_language,
    cel_expr_python,
    cel_python,
)


def prepared_context(case: Case, values: Values) -> Contender:
    """A fast peer with its context made before the clock starts.

    That is possible as long as one visitor's values stand still, and is what its documentation offers for testing
    many expressions against the same values.
    """
    cel = import_module("cel")
    run, context = cel.compile(case.cel).execute, cel.Context(variables=dict(_with_now(case, values)))
    return Contender("common-expression-language, context prepared", "run(context)", {"run": run, "context": context})


def _with_now(case: Case, values: Values) -> dict[str, Any]:
    return {**values, "now": NOW} if "now" in case.flow else dict(values)


def _in_seconds(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value.timestamp() if isinstance(value, datetime) else value for name, value in values.items()}


def _for_celpy(celpy: Any, value: Any) -> Any:
    return celpy.celtypes.TimestampType(value) if isinstance(value, datetime) else celpy.json_to_cel(value)
