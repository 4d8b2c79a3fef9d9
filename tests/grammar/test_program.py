"""From files to a checked program."""

from grammar.program import read_files

EVENT = 'event 1 webclick "0fc050ec-cb6f-11e8-b697-00163e0c79f6"\n'
FLOW = "flow f:\n    on webclick\n    stop\n"


def errors(*files: bytes | str) -> list[tuple[str, int, str]]:
    """File (a, b, …), line and code of each error."""
    found = read_files([(chr(ord("a") + index), data) for index, data in enumerate(files)]).diagnostics
    spans = [(one, one.span) for one in found if one.severity == "error"]
    return [(span.source.name, span.source.position(span.start)[0], one.code) for one, span in spans]


def test_files_are_one_program_in_any_order() -> None:
    assert errors(EVENT, FLOW) == errors(FLOW, EVENT) == []
    assert errors(FLOW) == [("a", 2, "E202")]


def test_a_file_that_cannot_be_read_hides_no_syntax_error_of_another_and_makes_no_name_unknown() -> None:
    assert errors("# é\n".encode("latin-1") + EVENT.encode(), FLOW + "    sned\n") == [
        ("a", 1, "E104"),
        ("b", 4, "E135"),
    ]


def test_what_is_declared_in_two_files_is_one_error_for_each_thing() -> None:
    assert errors(EVENT, FLOW, EVENT + FLOW) == [("c", 1, "E207"), ("c", 2, "E207")]


def test_events_that_share_only_a_part_are_an_error_for_each_part() -> None:
    other = "9d9cf0f2-59d7-4f0e-8a36-2b7b3f2f6c01"
    assert errors(EVENT, f'event 2 webclick "{other}"\nevent 1 c "{other}"\n', EVENT) == [
        ("b", 1, "E207"),
        ("b", 2, "E207"),
        ("b", 2, "E207"),
        ("c", 1, "E207"),
    ]
