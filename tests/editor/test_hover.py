"""What an editor tells about a name, and where it goes from it."""

import pytest

from tests.editor.support import DECLARED, defined, hovered

FLOW = "flow f:\n    on webclick\n    "


def told(text: str) -> str:
    found = hovered(text)
    assert found is not None
    return found


def test_an_event_variable_tells_its_event() -> None:
    text = told(FLOW + "when event_cou|nt_1 > 5")
    assert "event_count_1: int" in text
    assert "`webclick`" in text
    assert "clicks on the page" in text
    assert "event_last_time_1: datetime?" in told(FLOW + "when now - event_last_time_1| > 7d")


def test_a_variable_in_a_template_is_told() -> None:
    assert "user_city: text?" in told(FLOW + 'send web "您好 {{ user_cit|y }}"')
    assert hovered(FLOW + 'send web "user_cit|y"') is None


def test_a_standard_variable_tells_who_writes_it() -> None:
    assert "`set` can write it" in told(FLOW + "when user_email|")
    assert "`set` cannot write it" in told(FLOW + "when ent_user_id|")


def test_a_function_tells_its_signature() -> None:
    assert "startswith(text, prefix) -> bool" in told(FLOW + 'when starts|with(user_email, "a")')


@pytest.mark.parametrize("text", [FLOW + 'when in_segment("hea|vy")', "flow f:\n    on enter he|avy\n"])
def test_a_segment_tells_its_title_and_condition(text: str) -> None:
    assert "Heavy clickers" in told(text)
    assert "event_count_1 > 5" in told(text)
    assert defined(text) == ['segment heavy "Heavy clickers":']


def test_a_predeclared_segment_tells_its_condition_and_is_declared_nowhere() -> None:
    assert "first_seen_time >= today()" in told(FLOW + 'when in_segment("new|")')
    assert defined(FLOW + 'when in_segment("new|")') == []


def test_a_field_tells_its_type_and_description() -> None:
    assert "extra_field_TEXT_1: text?" in told(FLOW + "set extra_|field_TEXT_1 = 'x'")
    assert "WeChat id" in told(FLOW + "set extra_|field_TEXT_1 = 'x'")


def test_a_word_tells_how_it_is_written() -> None:
    assert "limit N [per DURATION]" in told(FLOW + "lim|it once")
    assert "send email:" in told(FLOW + "send ema|il:")
    assert "The subject" in told(FLOW + "send email:\n        sub|ject 'x'")
    assert "on visit" in told("flow f:\n    on vis|it\n")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        (FLOW + "when event_count_|1 > 5", 0),
        (FLOW + "send web '{{ event_last_data_|3.total }}'", 1),
        ("flow f:\n    on webc|lick\n", 0),
        ('flow f:\n    on "Order Com|pleted"\n', 1),
        ("flow f:\n    on event 3|\n", 1),
        (FLOW + "when extra_|field_TEXT_1", 2),
        ("flow f:\n    on change extra_|field_TEXT_1\n", 2),
    ],
)
def test_a_name_leads_to_its_declaration(text: str, line: int) -> None:
    assert defined(text) == [DECLARED.splitlines()[line]]


def test_a_key_of_json_is_no_variable() -> None:
    assert hovered(FLOW + "when event_last_data_1.user_em|ail") is None


@pytest.mark.parametrize(
    "line", ["limit 3 p|er 7d", "goal user_email wit|hin 3d", "exit wh|en x", "wait unt|il x for 3d"]
)
def test_a_word_inside_a_line_is_no_variable_of_that_name(line: str) -> None:
    fields = "".join(f"field {name} text\n" for name in ("per", "within", "when", "until"))
    assert hovered(FLOW + line, fields) is None
    assert "per: text?" in str(hovered(FLOW + "when per| == 'x'", fields))


def test_the_variables_of_a_webhook_are_told() -> None:
    assert "user_city: text?" in told(FLOW + "send webhook 'https://a.example/' with user_email, user_ci|ty")


def test_an_event_whose_name_is_no_word_is_shown_as_it_is_declared() -> None:
    assert 'event 3 "Order Completed" "' in told("flow f:\n    on event 3|\n")


def test_a_broken_line_hinders_no_other() -> None:
    assert "event_count_1: int" in told(FLOW + "limit (\n    when event_cou|nt_1 > 5\n    send web 'unclosed")
