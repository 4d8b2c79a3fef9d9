"""Programs made up at random whose expressions are mostly right: for what mutated texts seldom reach.

Types, exact time, lint, the compiler and the editor look only at what can be read. So an operand has the type that is
wanted there, save now and then.
"""

import random

from grammar.names import FUNCTIONS

_LEAVES = {
    "number": "event_count_1 event_count_2 points weight vip user_web_sessions event_last_data_1.x 0 1 2.5 1e308 True",
    "text": "nick user_email customer_user_type event_last_data_1.y visitor_id 'a' 'VIP' '%' ''",
    "moment": "now now event_last_time_1 event_first_time_2 since first_seen_time ent_user_createtime",
    "length": "7d 0s 1h30m 36500d",
    "any": "None event_last_data_1 event_last_data_2[0] [] is_online in_segment('s')",
}
_OTHERS = {
    "number": (
        *("{number} + {number}", "{number} - {number}", "{number} * {number}", "{number} / {number}", "-{number}"),
        *("{number} // {number}", "{number} % {number}", "{length} / {length}", "{length} // {length}", "len({text})"),
        *("hour({moment})", "weekday(now - {length}, 'Asia/Shanghai')", "round({number}, 2)", "int({text})"),
        *("min({number}, {number})", "max([{number}, {number}])", "abs({number})", "({number})"),
    ),
    "text": (
        *("{text} + {text}", "lower({text})", "text({any})", "format_time({moment}, '%Y %H')", "({text})"),
        "{text} if {truth} else {text}",
        "{text} or {text}",
    ),
    "moment": (
        *("{moment} + {length}", "{moment} - {length}", "date({moment})", "today()", "today('Asia/Shanghai')"),
        *("datetime({text})", "datetime('2026-01-01')", "max({moment}, {moment})", "({moment})"),
    ),
    "length": (
        *("{moment} - {moment}", "now - {moment}", "{length} * {number}", "{length} / {number}", "-{length}"),
        *("{length} + {length}", "{length} % {length}", "abs({length})", "({length})", "min({length}, {length})"),
    ),
    "any": ("{number}", "{text}", "{moment}", "{length}", "{truth}", "[{any}, {any}]", "[{any}][{number}]"),
    "truth": (
        *("{number} < {number}", "{number} == {number}", "{moment} > {moment}", "{length} <= {length}", "{any}"),
        *("now - {moment} > {length}", "{moment} + {length} < now", "now - {moment} < {length} <= {length}"),
        *("{any} is not None", "{any} != {any}", "{number} in [{number}, {number}]", "startswith({text}, {text})"),
        *("matches({text}, '^(a|b)+\\d$')", "during('22:00-06:00', 'mon-fri')", "in_segment('online')", "is_online"),
        *("{truth} and {truth}", "({truth}) or {truth}", "not {truth}", "({truth} if {truth} else {truth})"),
        *("({truth} and {truth})", "({truth})", "{length}", "{number}"),
    ),
}
_FORMS = {**{kind: (*words.split(), *_OTHERS[kind]) for kind, words in _LEAVES.items()}, "truth": _OTHERS["truth"]}
_DECLARED = """event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"
event 2 "Order Completed" "6b1d5b0c-2a1f-4a43-9d0b-6a2f0c9f5d11"
field points int
field weight float
field vip bool
field nick text
field since datetime
"""
_BODY = {
    "on": ("on webclick", "on any event", "on visit", "on enter online, change nick"),
    "clause": ("when {truth}", "exit when {truth}", "goal {truth} within 3d", 'hours "08:00-22:00" "mon-fri"'),
    "step": (
        'send web "Hi {{{{ {any} }}}} {{{{ {text} }}}}"',
        "set nick = {text}",
        "set points = {number}",
        'convert "VIP"',
        "wait 1d",
        "wait until {truth} for 30m",
        'wait until {truth} for 2d:\n        convert "a"\n    timeout:\n        stop',
        "if {truth}:\n        stop\n    elif {truth}:\n        set vip = {truth}\n    else:\n        wait 1s",
        'split:\n        50%:\n            stop\n        20% "b":\n            set weight = {number}',
        "send webhook 'https://example.com/' with nick, points",
        'send email:\n        subject "{{{{ {text} }}}}"\n        text "a"\n        to {text}',
    ),
}


def expression(chance: random.Random, kind: str = "truth", depth: int = 5) -> str:
    """An expression of a kind, of about so many levels at most."""
    if chance.random() < 0.02:
        kind = chance.choice(tuple(_FORMS))
    if chance.random() < 0.01:
        name = chance.choice(tuple(FUNCTIONS))
        return f"{name}({', '.join(expression(chance, 'any', depth - 2) for _ in range(chance.randint(0, 3)))})"
    leaves = _LEAVES.get(kind, _LEAVES["number"]).split()
    form = chance.choice(leaves if depth <= 0 else _FORMS[kind])
    return _filled(form, chance, depth - 1)


def _filled(form: str, chance: random.Random, depth: int) -> str:
    parts = {kind: _Operand(chance, kind, depth) for kind in _FORMS}
    return form.format(**parts)


class _Operand:
    """Another expression each time it is written."""

    def __init__(self, chance: random.Random, kind: str, depth: int) -> None:
        self._chance, self._kind, self._depth = chance, kind, depth

    def __format__(self, _: str) -> str:
        return expression(self._chance, self._kind, self._depth)


def program(chance: random.Random) -> str:
    """A program with a segment and a flow."""
    clauses = [chance.choice(_BODY["on"]), *chance.sample(_BODY["clause"], chance.randint(0, 3))]
    steps = [chance.choice(_BODY["step"]) for _ in range(chance.randint(1, 4))]
    lines = "".join(f"    {_filled(line, chance, chance.randint(1, 5))}\n" for line in (*clauses, *steps))
    return f"{_DECLARED}segment s:\n    {expression(chance)}\nflow f:\n{lines}"
