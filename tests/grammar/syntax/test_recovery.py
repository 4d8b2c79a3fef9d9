"""All errors at once: one for a line at most, none hidden by another line's, none that follows from another."""

import pytest

from tests.grammar.support import EVENT, codes, diagnostics, flow, read_expression


def lines(text: str) -> list[tuple[int, str]]:
    """Line and code of each diagnostic."""
    return [(found.span.source.position(found.span.start)[0], found.code) for found in diagnostics(text)]


def test_each_bad_line_is_told_once() -> None:
    text = flow("sned web\nset user_city = = 3 + + \nwhen 5 5 5\nset user_city = nope\nlimit 1 per 7")
    assert lines(text) == [(4, "E135"), (5, "E122"), (6, "E124"), (7, "E201"), (8, "E143")]


def test_a_declaration_that_cannot_be_read_leaves_no_unknown_names() -> None:
    text = 'event 1 webclick "x" "y" "z"\nfield f txt\nflow f:\n    on webclick, event 1\n    set f = event_count_1\n'
    assert codes(text) == ["E120", "E138"]


def test_an_expression_that_cannot_be_read_brings_no_unknown_names() -> None:
    assert codes(flow('when nope1 nope2\nsend web "{{ nope3 nope4 }}"\nset user_city = nope5 + 1 +')) == [
        "E124",
        "E124",
        "E122",
    ]


BAD_HEADERS = ["if:", "if a b:", "if user_city == “a”:", "if (user_city:", "if user_city", "wait until true:", "iff x:"]


@pytest.mark.parametrize("header", BAD_HEADERS)
def test_what_stands_below_a_bad_header_is_still_read(header: str) -> None:
    found = codes(flow(f"{header}\n    set user_city = nope\n    convert 5\nstop"))
    assert len(found) == 3
    assert found[1:] == ["E201", "E120"]


def test_a_branch_below_a_bad_if_has_its_if() -> None:
    assert codes(flow("if a b:\n    stop\nelif nope:\n    stop\nelse:\n    convert 5")) == ["E124", "E201", "E120"]


@pytest.mark.parametrize("header", ["flow", "flow 5:", "flow g", "flwo g:", "flow g h:"])
def test_the_body_of_a_flow_with_a_bad_header_is_still_read(header: str) -> None:
    found = codes(f"{EVENT}{header}\n    on webclick\n    set user_city = nope\n")
    assert len(found) == 2
    assert found[1] == "E201"


@pytest.mark.parametrize("header", ["segment", "segment 5:", "segmnt s:"])
def test_the_body_of_a_segment_with_a_bad_header_is_still_read(header: str) -> None:
    assert codes(f"{header}\n    nope > 1\n")[1:] == ["E201"]


@pytest.mark.parametrize("opened", ["(", "[", "len(", "[1, (2, "])
def test_an_unclosed_bracket_ends_where_a_statement_begins(opened: str) -> None:
    text = flow(f"set user_city = {opened}\nset user_city = nope\nif true:\n    stop")
    assert lines(text) == [(4, "E118"), (5, "E201")]


@pytest.mark.parametrize("arm", ["50%:", '50 % "b":'])
def test_an_unclosed_bracket_ends_where_an_arm_begins(arm: str) -> None:
    text = flow(f"split:\n    5%:\n        set user_city = (\n    {arm}\n        set user_city = nope")
    assert lines(text) == [(6, "E118"), (8, "E201")]


def test_a_rest_in_brackets_is_no_arm() -> None:
    assert codes(flow("when (event_count_1 +\n    50 % 7  # the rest:\n    > 3)\nstop")) == []


def test_an_unclosed_bracket_does_not_hide_the_next_declaration() -> None:
    assert lines("segment a:\n    (1 > 2\nsegment b:\n    nope\n") == [(2, "E118"), (4, "E201")]


@pytest.mark.parametrize("text", ["'a", '"a', '"""a'])
def test_an_unclosed_text_hides_no_other_line(text: str) -> None:
    assert lines(flow(f"set user_city = len({text})\nset user_city = nope")) == [(4, "E109"), (5, "E201")]


def test_unexpected_indentation_is_told_and_looked_over() -> None:
    assert lines(flow("stop\n    set user_city = nope\nconvert 5")) == [(5, "E107"), (5, "E201"), (6, "E120")]


def test_indentation_that_fits_nothing_is_told() -> None:
    assert codes(flow("if true:\n        stop\n    stop\nstop")) == ["E106"]


BRANCHED = [
    "wait untill true for 3d:",
    "wait until nope1 nope2 for 3d:",
    "wait until true for 3:",
    "wait until true:",
    "wait until (true for 3d:",
    "wait until true for 3d",
    "wiat until true for 3d:",
]


@pytest.mark.parametrize("header", BRANCHED)
def test_a_timeout_below_a_bad_wait_until_has_its_wait(header: str) -> None:
    below = "    set user_city = nope\ntimeout:\n    convert 5\nstop 5"
    assert lines(flow(f"{header}\n{below}"))[1:] == [(5, "E201"), (7, "E120"), (8, "E120")]
    assert len(lines(flow(f"{header}\n{below}"))) == 4


def test_a_timeout_directly_below_a_bad_wait_until_has_its_wait() -> None:
    assert lines(flow("wait until true\ntimeout:\n    set user_city = nope")) == [(4, "E142"), (6, "E201")]


@pytest.mark.parametrize("header", ["timout:", "timeout", "timeout 3d:", "timeout true:"])
def test_what_stands_below_a_bad_timeout_is_still_read(header: str) -> None:
    found = lines(flow(f"wait until true for 3d:\n    stop\n{header}\n    set user_city = nope\nstop 5"))
    assert [line for line, _ in found] == [6, 7, 8]


@pytest.mark.parametrize("header", ["else if true:", "elseif true:", "elsif true:", "elif true true:", "elif true"])
def test_the_branches_below_a_bad_elif_have_their_if(header: str) -> None:
    found = lines(
        flow(f"if true:\n    stop\n{header}\n    set user_city = nope\nelif nope:\n    stop\nelse:\n    stop")
    )
    assert [line for line, _ in found] == [6, 7, 8]


@pytest.mark.parametrize("header", ["iff true:", "if true:\nif"])
def test_the_branches_below_a_bad_if_have_their_if(header: str) -> None:
    found = codes(flow(f"{header}\n    stop\nelif nope:\n    stop\nelse:\n    set user_city = nope"))
    assert found[-2:] == ["E201", "E201"]
    assert "E407" not in found


BAD_ARMS = ["50% b:", "50%", "30:", "12.5%:", "50% 'b' 'c':", "half:", "%:", "50%% :"]


@pytest.mark.parametrize("arm", BAD_ARMS)
def test_a_bad_arm_hides_no_other_line_and_none_of_its_steps(arm: str) -> None:
    before, after = "10%:\n        set user_city = nope1", "20%:\n        set user_city = nope3"
    found = lines(flow(f"split:\n    {before}\n    {arm}\n        set user_city = nope2\n    {after}\nstop 5"))
    assert [line for line, _ in found] == [6, 7, 8, 10, 11]


@pytest.mark.parametrize("header", ["split", "splt:", "split 50%:", "split: 50%", "split 2"])
def test_the_arms_below_a_bad_split_are_still_read(header: str) -> None:
    found = lines(flow(f"{header}\n    50%:\n        set user_city = nope\n    x%:\n        stop\nstop 5"))
    assert [line for line, _ in found] == [4, 6, 7, 9]


def test_a_split_of_bad_arms_only_still_checks_their_steps() -> None:
    assert lines(flow("split:\n    5 5:\n        set user_city = nope")) == [(5, "E120"), (6, "E201")]


BAD_MESSAGES = [
    "send emial:",
    "send email",
    "sned email:",
    "send email x:",
    "send:",
    "send web x:",
    'send webhook "x":',
]


@pytest.mark.parametrize("header", BAD_MESSAGES)
def test_the_parts_below_a_bad_message_are_still_read(header: str) -> None:
    parts = '    subject "{{ nope }}"\n    txt "x"\n    to nope2\n    text "{{ }}"'
    found = lines(flow(f"{header}\n{parts}\nstop 5"))
    assert [line for line, _ in found] == [4, 5, 6, 7, 8, 9]


@pytest.mark.parametrize("part", ["subject x", "subjct 'x'", "to", "to a b", "html", "button 'a' link 'b'"])
def test_a_bad_part_is_told_alone(part: str) -> None:
    found = lines(flow(f"send email:\n    {part}\n    text '{{{{ nope }}}}'\nstop 5"))
    assert [line for line, _ in found] == [5, 6, 7]


@pytest.mark.parametrize("clause", ["exit if true", "goal true", "hours 9-5", "limit 1 per week", "on a or b"])
def test_a_bad_clause_is_told_alone(clause: str) -> None:
    assert lines(flow(f"{clause}\nset user_city = nope\nstop 5"))[1:] == [(5, "E201"), (6, "E120")]
    assert len(lines(flow(f"{clause}\nset user_city = nope\nstop 5"))) == 3


@pytest.mark.parametrize("on", ["on webclick or visit", "on", "on webclick:"])
def test_what_a_bad_on_may_have_said_is_not_missed(on: str) -> None:
    text = f"{EVENT}flow f:\n    {on}\n    when int((now - run_time) / 1d) % 2 == track_event_seq\n    stop\n"
    assert codes(text)[1:] == ["E415"]


def test_an_else_below_a_wait_until_is_suggested_a_timeout() -> None:
    (found,) = diagnostics(flow("wait until true for 3d:\n    stop\nelse:\n    stop"))
    assert (found.code, found.help) == ("E407", "did you mean `timeout`?")


def test_a_bad_step_does_not_make_up_for_a_missing_on() -> None:
    assert codes("flow f:\n    when track_event_seq == 1\n    wait untill true\n") == ["E414", "E120"]


@pytest.mark.parametrize(
    ("line", "code", "advice"),
    [
        ("wait 30", "E143", "`30m`"),
        ("wait until true for 30", "E143", "`30m`"),
        ("goal true within 3", "E143", "`3d`"),
        ("wait for 3d", "E120", "`wait 3d`"),
        ("wait untill true for 3d", "E120", "did you mean `until`?"),
        ("wait until true 3d", "E142", "for 30m`"),
        ("wait until true within 3d", "E142", "for 30m`"),
        ("wait until user_city For 3d", "E142", "for 30m`"),
        ("goal true", "E142", "within 3d`"),
        ("goal true for 3d", "E142", "within 3d`"),
        ("sleep 3d", "E135", "did you mean `wait`?"),
        ("email:", "E135", "did you mean `send email`?"),
        ("exit if true", "E120", "`exit when "),
        ("exit true", "E120", "`exit when "),
        ("hours 08:00-22:00", "E144", '"08:00-22:00"'),
        ("hours 10:30-22:00", "E144", '"08:00-22:00"'),
        ("hours 9-17", "E144", '"08:00-22:00"'),
        ("on webclick or checkout", "E120", "commas separate several"),
        ("on enter 'active'", "E120", "`on enter heavy_clickers`"),
        ("limit 1 per week", "E143", "`1w`"),
        ("send sms 'x'", "E120", "`send email`"),
        ("send email 'x'", "E120", "`send email:`"),
        ("send webhook user_city", "E120", "`send webhook "),
        ("set user_city == 3", "E120", '`set extra_field_TEXT_1 = "Hello"`'),
        ("split 50%:", "E120", "`split:`"),
        ("else if true:", "E407", "directly below the steps of an `if`"),
        ("timeout:", "E416", "directly below a `wait until`"),
        ("50%:", "E417", "`split:`"),
        ("subject 'x'", "E135", "`send email:`"),
    ],
)
def test_a_slip_is_answered_with_what_to_write(line: str, code: str, advice: str) -> None:
    below = "\n    stop" if line.endswith(":") else ""
    (found,) = diagnostics(flow(f"{line}{below}\nstop"))
    assert found.code == code
    assert advice in (found.help or "")


# Lines that authors break without brackets, or indent by guess


UNBRACKETED = [
    ("when user_city == 'a' and", "    event_count_1 > 5"),
    ("when user_city == 'a' and", "event_count_1 > 5"),
    ("when user_city == 'a' and \\", "    event_count_1 > 5"),
    ("when user_city == 'a' \\", "and event_count_1 > 5"),
    ("set user_city = user_country +", "    'x'"),
    ("send web", "    'x'"),
    ("send webhook 'https://a.b' with user_city,", "    user_country"),
    ("wait until is_online", "    for 1h"),
]


@pytest.mark.parametrize(("first", "second"), UNBRACKETED)
def test_a_line_broken_without_brackets_is_one_error(first: str, second: str) -> None:
    assert [line for line, _ in lines(flow(f"{first}\n{second}\nconvert 5"))] == [4, 6]


@pytest.mark.parametrize("sign", ["", "    "])
def test_an_expression_that_goes_on_over_many_lines_without_brackets_is_one_error(sign: str) -> None:
    text = f"segment s:\n    user_city == 'a'\n{sign}    and is_online\n{sign}    or is_online\nsegment t:\n    nope"
    assert [line for line, _ in lines(text)] == [3, 6]


def test_the_steps_below_a_header_broken_without_brackets_are_still_read() -> None:
    text = flow("if user_city == 'a' and\n   is_online == True:\n    convert 5\nelse:\n    convert 5")
    assert lines(text) == [(4, "E122"), (6, "E120"), (8, "E120")]


@pytest.mark.parametrize("below", ["stpo", "sned web 'a'", "x = 5", "trigger:\n    stop", "convert 5", "5%:\n    stop"])
def test_a_line_that_breaks_off_hides_no_statement_below_it(below: str) -> None:
    assert [line for line, _ in lines(flow(f"set user_city = 1 +\n{below}"))] == [4, 5]


def test_lines_indented_alike_by_guess_are_one_error_and_stay_in_their_flow() -> None:
    text = f"{EVENT}flow f:\n    on webclick\n  send web 'a'\n  if nope:\n      stop\n  else:\n      stop\n"
    assert lines(text + "segment s:\n    is_online\n") == [(4, "E106"), (5, "E201")]


def test_lines_between_two_levels_of_blocks_are_one_error() -> None:
    assert lines(flow("if is_online:\n        stop\n    convert 'a'\n    convert 'b'\nconvert 5")) == [
        (6, "E106"),
        (8, "E120"),
    ]


@pytest.mark.parametrize(
    "nested", ["segment s:\n    is_online", "flow g:\n    on webclick\n    stop", "trigger:\n    on webclick"]
)
def test_a_declaration_inside_a_flow_is_one_error(nested: str) -> None:
    assert lines(flow(f"stop\n{nested}\nconvert 5"))[:1] == [(5, "E135")]
    assert len(lines(flow(f"stop\n{nested}\nconvert 5"))) == 2


FOREIGN_BLANKS = ["\u3000\u3000", "\u00a0" * 4, "\f   ", "\t", "\u200b    ", "    \u200b"]


@pytest.mark.parametrize("blank", FOREIGN_BLANKS, ids=ascii)
def test_a_line_indented_by_other_characters_than_spaces_is_one_error_and_is_read(blank: str) -> None:
    text = f"segment s:\n{blank}nope\nflow f:\n    on any event\n{blank}convert 'a'\n    convert 5\n"
    assert [line for line, _ in lines(text)] == [2, 2, 5, 6]


@pytest.mark.parametrize("values", ["1, 2", "user_city in 'a', 'b'", "-5, 5", "(1), 2", "not 1, 2", "[1], 2", "(1, 2)"])
def test_values_joined_by_a_comma_are_answered_with_square_brackets_wherever_they_stand(values: str) -> None:
    in_a_segment, in_a_condition = f"segment s:\n    {values}\n", flow(f"when {values}\nstop")
    found = [*read_expression(values)[1], *diagnostics(in_a_segment), *diagnostics(in_a_condition)]
    assert [(one.code, one.help) for one in found] == [("E127", "a list is written with [ ]")] * 3


@pytest.mark.parametrize("text", ["1 :", "1 for x", "set :"])
def test_an_expression_by_itself_is_not_told_how_a_line_of_a_flow_is_written(text: str) -> None:
    (found,) = read_expression(text)[1]
    assert (found.code, found.help) == ("E120", None)
