"""A condition, per evaluation: Whenflow's compiled function against the same test by hand, and against six peers.

Fair, because all get the same values of one visitor in the form that they want, a dict or a list, which is ready; all
are compiled before the clock starts, and all are seen to give the same answer. They run in turns; a ratio is the median
of the ratios of single rounds.

The dict has no more names than the condition reads. That favours peers which convert all they are given; what they
take for a dict as one would hand it to all of a visitor's conditions is measured apart ("among … values"), and so is
one of the fastest with a context that was made before the clock started.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from statistics import median

from bench.cases import CASES, NOW, VISITOR, Case, Values
from bench.peers import PEERS, prepared_context
from bench.report import Row, at_least, at_most, duration
from bench.rounds import Contender, Times, in_turns
from engine.compile import Compiler
from engine.program import UTC
from grammar.built_in import BUILT_IN_SEGMENTS, DERIVED
from grammar.diagnostics import Diagnostics
from grammar.scope import Scope
from grammar.source import Source
from grammar.syntax.parser import parse_expression

OURS, BY_HAND = "Whenflow", "by hand"
TO_BY_HAND, TO_PEERS = at_most(1.5), at_least(10)
_compiler = Compiler(Scope.build(range(1, 9), {}), UTC, BUILT_IN_SEGMENTS, DERIVED)


@dataclass(frozen=True, slots=True)
class Result:
    """One condition with one set of values: `fastest` is the name of the fastest peer."""

    label: str
    times: Times
    fastest: str
    prepared: str

    @property
    def to_by_hand(self) -> float:
        return self.times.ratio(OURS, BY_HAND)

    @property
    def to_fastest(self) -> float:
        return self.times.ratio(self.fastest, OURS)

    def rows(self) -> Iterator[Row]:
        ours = duration(self.times.median(OURS))
        for other, ratio, goal in (
            (BY_HAND, self.to_by_hand, TO_BY_HAND),
            (self.fastest, self.to_fastest, TO_PEERS),
        ):
            yield Row(f"condition, {self.label}", ours, f"{other}: {duration(self.times.median(other))}", ratio, goal)


def rows(*, quick: bool) -> Iterator[Row]:
    rounds = 7 if quick else 31
    results = [
        _measure(case, f"{case.name}, {kind}", values, rounds)
        for case in CASES
        for kind, values in (("known", case.present), ("unknown", case.absent))
    ]
    for result in results:
        yield from result.rows()
    yield from _in_all(results)
    among = [_measure(case, case.name, VISITOR, rounds) for case in CASES]
    yield _to_fastest(f"among {len(VISITOR)} values, the median", among)


def _measure(case: Case, label: str, values: Values, rounds: int) -> Result:
    ours, by_hand = _functions(case, values)
    peers = [peer(case, values) for peer in PEERS]
    prepared = prepared_context(case, values)
    contenders = (ours, by_hand, *peers, prepared)
    _check_answers(case, contenders)
    times = in_turns(contenders, rounds)
    fastest = min(peers, key=lambda peer: times.median(peer.name)).name
    return Result(label, times, fastest, prepared.name)


def _functions(case: Case, values: Values) -> Iterator[Contender]:
    expression = parse_expression(Source("bench", case.flow), Diagnostics())
    assert expression is not None
    compiled = _compiler.condition(expression)
    ours = [values.get(name) for name in compiled.order]
    yield Contender(OURS, "run(values, now)", {"run": compiled.run, "values": ours, "now": NOW})
    yield Contender(BY_HAND, "run(values, now)", {"run": case.by_hand, "values": dict(values), "now": NOW})


def _check_answers(case: Case, contenders: Sequence[Contender]) -> None:
    """A bench that compares different answers says nothing."""
    answers = {contender.name: bool(contender.answer()) for contender in contenders}
    if len(set(answers.values())) > 1:
        raise ValueError(f"{case.name}: not the same answers: {answers}")


def _in_all(results: Sequence[Result]) -> Iterator[Row]:
    by_hand = median(result.to_by_hand for result in results)
    against = f"{BY_HAND}: {_middle(results, BY_HAND)}"
    yield Row("condition, the median of these", _middle(results, OURS), against, by_hand, TO_BY_HAND)
    yield _to_fastest("condition, the median of these", results)
    for name in results[0].times.by_name:
        if name not in (OURS, BY_HAND):
            ratio = median(result.times.ratio(name, OURS) for result in results)
            yield Row("", "", f"{name}: {_middle(results, name)}", ratio)


def _to_fastest(what: str, results: Sequence[Result]) -> Row:
    ratio = median(result.to_fastest for result in results)
    fastest = duration(median(result.times.median(result.fastest) for result in results))
    return Row(what, _middle(results, OURS), f"the fastest peer of each: {fastest}", ratio, TO_PEERS)


def _middle(results: Sequence[Result], name: str) -> str:
    return duration(median(result.times.median(name) for result in results))
