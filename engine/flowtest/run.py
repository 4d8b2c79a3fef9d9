"""Runs flow tests (LANGUAGE.md section 8): the product's own step and store, and a clock that the test moves.

What a command makes happen lies in the log of a shard in memory, as a request's body would, and is folded out of it
before the next command. So a flow test meets the same validation, the same order and the same commits as the product.
"""

from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from engine.compile import Compiler
from engine.explanation.moments import Teller
from engine.flowtest import failures
from engine.flowtest.declared import Apply, ReadFile
from engine.flowtest.failures import Failure, Sent
from engine.flowtest.plan import START, Plan, Planned, plan
from engine.order import in_order
from engine.owned_shard import OwnedShard
from engine.program import Program
from engine.traces import Record
from grammar.built_in import DERIVED, segments_of
from grammar.checker import check_expression
from grammar.diagnostics import Diagnostic, Diagnostics
from grammar.flowtest import read_flow_test
from grammar.flowtest.nodes import (
    At,
    ChooseArm,
    Command,
    Expect,
    ExpectError,
    ExpectGoal,
    ExpectMessage,
    ExpectNoMessages,
    ExpectRun,
    ExpectSegment,
    ExpectThat,
    Identify,
    SetField,
    Time,
    Track,
    Visit,
)
from grammar.lint import lint_condition
from grammar.nodes import Boolean, Comparison, Constant, Expression, ListDisplay, Name, Script
from grammar.scope import Scope
from grammar.syntax.parser import parse_expression, read_source
from grammar.walk import walk
from variables.memory_store import MemoryShard
from variables.profile import OLDEST_EVENT, Profile, without_reset_events
from variables.store import Entry, Held, Message, Outgoing, Trace, Wanted
from variables.values import MILLISECOND, Misfit, Value, iso, milliseconds, moment, write, write_json

MOST_ITEMS = 500
"""Items in one entry, as many as one request may carry."""
BATCH = 256
"""Entries read at once."""
_SENDER = "flow test"
_NEVER_THERE = Script(())


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a flow test: `errors` if it could not be read, loaded or checked, else its first failure, if any."""

    errors: tuple[Diagnostic, ...] = ()
    failure: Failure | None = None

    @property
    def passed(self) -> bool:
        return not self.errors and self.failure is None


async def run_flow_test(name: str, data: bytes | str, read_file: ReadFile) -> Result:
    """Reads, checks and runs a flow test; `read_file` reads the files that it loads."""
    report = Diagnostics()
    source = read_source(name, data, report)
    ready = None if source is None else plan(read_flow_test(source, report), read_file, report)
    if ready is None or not report.ok:
        return Result(report.errors)
    return Result(failure=await Run(ready).run())


class Run:
    """One flow test on its way. The shard has one owner, who folds whatever is there after each command."""

    def __init__(self, ready: Plan) -> None:
        self._plan = ready
        self._clock = START
        self._shard = MemoryShard(lambda: self._clock, log_bound=2**63, alone=True)
        self._appends = 0
        self._numbers: dict[str, int] = {}
        self._hold(_NEVER_THERE)
        self._programs: dict[int, Program] = {0: _program(_NEVER_THERE, 0, ready.zone, {})}
        self._unclaimed: dict[str, deque[Sent]] = {}
        self._traces: list[Trace] = []
        """Of the last command."""
        self._cause: Command | None = None

    def _hold(self, script: Script) -> None:
        self._script = script
        segments = segments_of(script)
        nobody = {name: Constant(condition.span, False) for name, condition in segments.items()}
        self._compiler = Compiler(Scope.of(script), self._plan.zone, segments, DERIVED)
        self._compiler_before_birth = replace(self._compiler, segments=nobody)

    async def run(self) -> Failure | None:
        """The first failure, or None."""
        taken = await self._shard.take(_SENDER, 1)
        assert not isinstance(taken, Held), "nobody else knows this shard"
        self._owned = OwnedShard(self._shard, self, _recover, taken, self._programs[0])
        for planned in self._plan.steps:
            failure = await self._take(planned)
            if failure is not None:
                return failure
        return self._left_unclaimed()

    async def program(self, version: int) -> Program:
        """What the shard's owner asks for when it meets a version in the log."""
        return self._programs[version]

    async def _take(self, planned: Planned) -> Failure | None:
        command = planned.command
        if isinstance(command, Expect):
            return await self._expect(command)
        unclaimed = self._left_unclaimed()
        if unclaimed is not None:
            return unclaimed
        self._cause = command
        self._traces.clear()
        failure = await self._do(command, planned.clock)
        return failure or failures.set_aside(command.span, self._shard.dead)

    # What happens

    async def _do(self, command: Command, clock: int) -> Failure | None:
        match command:
            case Apply():
                await self._apply(command)
            case At():
                await self._move(clock)
            case Track():
                await self._track(command)
            case Visit(visitor=visitor, values=values):
                await self._append(visitor.text, [{"visit": self._plan.values[values.span] if values else {}}])
            case Identify(visitor=visitor, user=user, values=values):
                given = self._plan.values[values.span] if values else {}
                await self._append(visitor.text, [{"identify": {**given, "ent_user_id": user.text}}])
            case SetField():
                return await self._set(command)
            case ChooseArm(visitor=visitor, flow=flow, arm=arm):
                self._owned.arms[visitor.text, flow.text] = arm.text
        return None

    async def _apply(self, command: Apply) -> None:
        self._hold(command.script)
        version = command.version
        self._programs[version] = _program(command.script, version, self._plan.zone, command.resets)
        await self._shard.append_program(version)
        await self._fold()

    async def _move(self, clock: int) -> None:
        """Through all that is due on the way, each at its own instant, the last one included."""
        while (due := self._owned.state.next_timer) is not None and due <= clock:
            self._clock = max(self._clock, due)
            await self._fold()
        self._clock = clock

    async def _track(self, command: Track) -> None:
        event = self._owned.program.catalogue.events[command.event.text]
        data = self._plan.values[command.data.span] if command.data else None
        track: dict[str, Any] = {"event_name": event.name, "event_uuid": event.uuid, "event_data": data}
        if command.time is not None:
            track["event_timestamp"] = self._event_timestamp(command.time)
        item: dict[str, Any] = {"track_event": track}
        if command.id is not None:
            item["id"] = command.id.text
        for done in range(0, command.times, MOST_ITEMS):
            await self._append(command.visitor.text, [item] * min(MOST_ITEMS, command.times - done))

    def _event_timestamp(self, time: Time) -> int:
        """Unix milliseconds. What lies further back than an event may is cut here: a page's number would not say it."""
        instant = self._clock + time // MILLISECOND if isinstance(time, timedelta) else milliseconds(time)
        return max(instant, self._clock - OLDEST_EVENT)

    async def _set(self, command: SetField) -> Failure | None:
        variable = self._owned.program.catalogue.variables[command.name.text]
        profile = await self._profile(command.visitor.text)
        value = self._evaluate(command.value, profile)
        try:
            write(value, variable.kind)
        except Misfit as misfit:
            return failures.misfit(
                command.value.span, variable.name, str(misfit), value, self._read(command.value, profile)
            )
        if isinstance(value, datetime):
            value = iso(value)
        await self._append(command.visitor.text, [{"set": {variable.name: value}}], from_server=True)
        return None

    async def _append(self, visitor: str, items: Sequence[Mapping[str, Any]], *, from_server: bool = False) -> None:
        """Items of one visitor, numbered as one client would number them, and folded at once."""
        number = self._numbers.get(visitor, 0)
        self._numbers[visitor] = number + len(items)
        numbered = [{**item, "n": number + index} for index, item in enumerate(items, 1)]
        body = write_json({"visitor": visitor, "client": _SENDER, "items": numbered})
        self._appends += 1
        await self._shard.append(_SENDER, self._appends, [Entry(body, from_server=from_server)])
        await self._fold()

    async def _fold(self) -> None:
        """Folds all that is there and due, as the product's processor does."""
        while happenings := in_order(await self._shard.read(self._owned.state.position, BATCH)):
            for folding in await self._owned.fold(happenings):
                self._traces += folding.traces
                sent: list[Message | Outgoing] = [*folding.messages, *folding.outgoing]
                for message in sorted(sent, key=lambda message: message.id):
                    self._unclaimed.setdefault(message.visitor, deque()).append(Sent.of(message, self._cause))

    # What is claimed

    async def _expect(self, command: Expect) -> Failure | None:
        match command:
            case ExpectMessage():
                return await self._expect_message(command)
            case ExpectNoMessages():
                return failures.some_messages(command.span, self._all_unclaimed())
            case ExpectThat(visitor=visitor, condition=condition):
                profile = await self._profile(visitor.text)
                if self._evaluate(condition, profile):
                    return None
                part = self._false_part(condition, profile)
                return failures.not_true(part.span, visitor.text, self._read(part, profile))
            case ExpectSegment():
                return await self._expect_segment(command)
            case ExpectRun(visitor=visitor, flow=flow, wanted=wanted):
                runs = (await self._profile(visitor.text)).runs.values()
                found = any(run.flow == flow.text and run.in_progress for run in runs)
                return None if found is wanted else failures.other_course(command)
            case ExpectGoal(visitor=visitor, flow=flow, wanted=wanted):
                found = (await self._profile(visitor.text)).tallies.of(flow.text).conversions > 0
                return None if found is wanted else failures.other_course(command)
            case ExpectError():
                return self._expect_error(command)
        raise AssertionError(f"{command}: no expectation")

    async def _expect_message(self, command: ExpectMessage) -> Failure | None:
        waiting = self._unclaimed.get(command.visitor.text)
        if not waiting:
            return failures.no_message(command, await self._why_not(command), self._all_unclaimed())
        failure = failures.other_message(command, waiting[0])
        if failure is None:
            waiting.popleft()
        return failure

    async def _why_not(self, command: ExpectMessage) -> Sequence[str]:
        """Why a flow sent a visitor nothing (more): where it waits, or what the last command was to it."""
        visitor, name = command.visitor.text, command.flow.text
        profile = await self._profile(visitor)
        for run in profile.runs.values():
            if run.flow == name and run.at is not None:
                place = self._programs[run.version].flows[name].graph.places[run.at]
                return failures.waits(name, place, None if run.due is None else iso(moment(run.due)))
        teller = Teller(name, self._programs)
        for trace in reversed(self._traces):
            record = Record.read(trace.body) if trace.visitor == visitor else None
            told = record and teller.tell(visitor, record)
            if told:
                return failures.told(told.lines)
        return failures.not_called_for(name)

    async def _expect_segment(self, command: ExpectSegment) -> Failure | None:
        name = command.segment.text
        profiles = await self._shard.load([Wanted(visitor) for visitor in self._numbers])
        program, now = self._owned.program, moment(self._clock)
        members = {
            profile.visitor
            for profile in (without_reset_events(profile, program.resets) for profile in profiles)
            if program.is_in(name, profile, now)
        }
        return failures.other_members(command, members)

    def _expect_error(self, command: ExpectError) -> Failure | None:
        found = Diagnostics()
        expression = parse_expression(command.expression, found)
        if expression is not None and found.ok:
            check_expression(expression, Scope.of(self._script), found, [*segments_of(self._script)])
            if found.ok:
                lint_condition(expression, self._script, found)
        if any(diagnostic.code.startswith(command.code.text) for diagnostic in found):
            return None
        return failures.other_errors(command, tuple(found))

    def _left_unclaimed(self) -> Failure | None:
        return failures.unclaimed(self._all_unclaimed())

    def _all_unclaimed(self) -> Sequence[Sent]:
        return sorted((sent for waiting in self._unclaimed.values() for sent in waiting), key=lambda sent: sent.id)

    # What is known of a visitor

    async def _profile(self, visitor: str) -> Profile:
        """As it is now; of somebody who was never there, empty."""
        (profile,) = await self._shard.load([Wanted(visitor)])
        return without_reset_events(profile, self._owned.program.resets)

    def _environment(self, profile: Profile) -> dict[str, Value]:
        return {**self._owned.program.values(profile, moment(self._clock)), "visitor_id": profile.visitor}

    def _evaluate(self, expression: Expression, profile: Profile) -> Value:
        """Before a visitor's first item every segment is false."""
        compiler = self._compiler if profile.fields else self._compiler_before_birth
        return compiler.value(expression).evaluate(self._environment(profile), moment(self._clock))

    def _false_part(self, expression: Expression, profile: Profile) -> Expression:
        """Of conditions that are joined by `and`, the first that is not true."""
        while isinstance(expression, Boolean) and expression.operator == "and":
            expression = next(part for part in expression.operands if not self._evaluate(part, profile))
        return expression

    def _read(self, expression: Expression, profile: Profile) -> Mapping[str, Value]:
        """The variables that an expression names, and what else it compares, with their values."""
        shown: list[Expression] = [node for node in walk(expression) if isinstance(node, Name)]
        if isinstance(expression, Comparison):
            sides = (expression.first, *(link.right for link in expression.links))
            shown += [side for side in sides if not isinstance(side, Name | Constant | ListDisplay)]
        return {failures.written(node.span): self._evaluate(node, profile) for node in shown}


def _program(script: Script, version: int, zone: ZoneInfo, resets: Mapping[int, int]) -> Program:
    program = Program.build(script, version, zone, resets)
    return replace(program, catalogue=program.catalogue.with_open_visits())


async def _recover() -> None:
    """Memory always answers."""
