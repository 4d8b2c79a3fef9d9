"""`python -m bench [NAME …] [--quick]`: runs the benchmarks one after the other and prints a table of each."""

import sys
from argparse import ArgumentParser
from collections.abc import Iterable, Iterator
from importlib import import_module
from time import monotonic

import structlog

from bench.report import Row, print_table

BENCHMARKS = {
    "conditions": "a condition, per evaluation",
    "language": "the language, from text to running code",
    "collect": "POST /collect",
    "latency": "from the event to the message on the page",
    "memory": "memory of a visitor",
    "processor": "the processor, 100 flows on the event",
}


def main() -> None:
    parser = ArgumentParser("bench", description="Measures Whenflow against its goals (DESIGN.md section 7).")
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"one or more of {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--quick", action="store_true", help="shorter, and less exact")
    arguments = parser.parse_args()
    unknown = set(arguments.names) - set(BENCHMARKS)
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    for name in arguments.names or BENCHMARKS:
        _run(name, quick=arguments.quick)


def _run(name: str, *, quick: bool) -> None:
    started = monotonic()
    rows = import_module(f"bench.{name}").rows(quick=quick)
    found = list(_told(name, rows))
    print_table(f"{BENCHMARKS[name]} ({monotonic() - started:.0f} s)", found)


def _told(name: str, rows: Iterable[Row]) -> Iterator[Row]:
    """Says on the way, where a person looks on, that something is happening."""
    tell = sys.stderr.isatty()
    if tell:
        sys.stderr.write(f"{name} …\r")
        sys.stderr.flush()
    yield from rows


if __name__ == "__main__":
    main()
