"""E4xx: clauses and steps of flows, their places and their ranges."""

from collections.abc import Sequence

from grammar.diagnostics import Diagnostic, Label
from grammar.source import Span
from grammar.wording.sentences import did_you_mean, error, listed


def not_yet(span: Span, what: str) -> Diagnostic:
    return error("E401", span, f"{what} cannot run yet in this version")


def clause_twice(span: Span, word: str, first: Span) -> Diagnostic:
    label = Label("first given here", first)
    return error("E402", span, f"a flow can have `{word}` only once", None, (label,))


def clause_after_step(span: Span, word: str) -> Diagnostic:
    return error("E403", span, f"`{word}` must stand before the flow's first step", "move this line up")


def clause_in_block(span: Span, word: str) -> Diagnostic:
    message = f"`{word}` belongs to the flow itself and cannot stand in a block of steps"
    return error("E404", span, message, "move this line up, before the flow's first step")


def flow_without_start(span: Span, name: str) -> Diagnostic:
    message = f"nothing starts the flow `{name}`"
    return error("E405", span, message, "say what starts it, with `on` or with `when`: for example `on any event`")


def flow_without_steps(span: Span, name: str) -> Diagnostic:
    return error("E406", span, f"the flow `{name}` does nothing", "give it a step, such as `send web`")


def branch_without_if(span: Span, word: str, suggestion: str | None = None) -> Diagnostic:
    help = did_you_mean(suggestion) or "it stands directly below the steps of an `if`"
    return error("E407", span, f"this `{word}` belongs to no `if`", help)


def limit_out_of_range(span: Span, most: int | None) -> Diagnostic:
    numbers = "at least 1" if most is None else f"from 1 to {most} when it has `per`"
    return error("E408", span, f"the number of a limit must be {numbers}")


def limit_without_length(span: Span) -> Diagnostic:
    return error("E409", span, "the window of a limit must be longer than 0s")


def seq_out_of_range(span: Span, most: int) -> Diagnostic:
    return error("E410", span, f"the number of an event must be from 1 to {most}")


def not_writable(span: Span, name: str, suggestion: str | None) -> Diagnostic:
    return error("E411", span, f"a flow cannot write `{name}`", did_you_mean(suggestion))


def part_twice(span: Span, word: str, first: Span) -> Diagnostic:
    label = Label("first given here", first)
    return error("E412", span, f"a message can have `{word}` only once", None, (label,))


def message_without(span: Span, parts: Sequence[str]) -> Diagnostic:
    lines = listed([f'`{part} "Hello"`' for part in parts], "and")
    lacks = listed([f"no `{part}`" for part in parts], "and")
    return error("E413", span, f"this message has {lacks}", f"add {'lines' if parts[1:] else 'a line'} such as {lines}")


def only_in_flows(span: Span, name: str) -> Diagnostic:
    return error("E414", span, f"`{name}` can only be used in a flow that only events start")


def only_in_steps(span: Span, name: str) -> Diagnostic:
    return error("E415", span, f"`{name}` can only be used in the steps, the `exit` and the `goal` of a flow")


def timeout_without_wait(span: Span) -> Diagnostic:
    help = "it stands directly below a `wait until` or its steps, and is indented like it"
    return error("E416", span, "this `timeout` belongs to no `wait until`", help)


def arm_without_split(span: Span) -> Diagnostic:
    return error("E417", span, "this arm belongs to no `split`", "the arms stand indented below a line `split:`")


def not_watchable(span: Span, name: str, help: str) -> Diagnostic:
    return error("E418", span, f"`change` cannot watch `{name}`", help)


def wait_out_of_range(span: Span) -> Diagnostic:
    return error("E419", span, "a wait must be from 1s to 365d long")


def goal_without_time(span: Span) -> Diagnostic:
    return error("E420", span, "the time to reach a goal must be longer than nothing")


def percent_out_of_range(span: Span) -> Diagnostic:
    return error("E421", span, "the percents of an arm must be from 1 to 100")


def percents_above_all(span: Span, total: int) -> Diagnostic:
    message = f"with this arm the percents of the `split` come to {total}, more than 100"
    return error("E422", span, message, "who falls in no arm goes on below the `split`")


def arm_name_twice(span: Span, name: str, first: Span) -> Diagnostic:
    label = Label("first given here", first)
    return error("E423", span, f"two arms of this `split` are called `{name}`", None, (label,))


def bad_url(span: Span, help: str) -> Diagnostic:
    return error("E424", span, "this is no URL that a webhook can be sent to", help)


def variable_named_twice(span: Span, name: str) -> Diagnostic:
    return error("E425", span, f"`{name}` is already sent with this webhook", "name each variable once")


# Parts of these sentences ---------------------------------------------------------------------------------------------

PLAIN_URL = "the URL is written out as it is, without `{{ }}`; values are sent along by naming variables after `with`"
URL_START = "it begins with https:// or http:// and the name of a host"
URL_SPACES = "it cannot contain spaces or line breaks; write a space as %20"
URL_PORT = "after the name of the host, only a port from 1 to 65535 can follow the colon"
AT_EVENTS = "the variables of an event change with it: name the event itself after `on`, such as `on webclick`"
WITH_WHEN = "it is computed, not stored: a flow that starts when it turns true has a `when` and no `on`"
ON_IDENTIFY = "it is computed, not stored, and changes with an identify: write `on identify`"
NO_FIELD = "only what is stored can be watched: custom fields and standard variables, such as `user_city`"
