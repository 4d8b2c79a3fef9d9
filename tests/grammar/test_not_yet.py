"""What this version checks and cannot run is told, each thing where it stands."""

from tests.grammar.support import EVENT, flow, not_yet

ALL = """flow f:
    on visit, identify, webclick, enter active, leave active, change user_city, any event, event 1
    when user_email
    hours "08:00-22:00"
    exit when user_email
    goal user_email within 3d
    wait 3d
    wait until user_email for 3d:
        split:
            50%:
                send email:
                    subject "s"
                    text "t"
    timeout:
        send webhook "https://example.com/"

flow g:
    when user_email
    stop
"""


def test_all_that_cannot_run_is_told_where_it_stands() -> None:
    found = not_yet(EVENT + ALL)
    starts = [one.span.source.text[one.span.start :].split("\n")[0] for one in found]
    assert [start.split(",")[0] for start in starts] == [
        "visit",
        "identify",
        "enter active",
        "leave active",
        "change user_city",
        'hours "08:00-22:00"',
        "user_email",
        "goal user_email within 3d",
        "wait 3d",
        "wait until user_email for 3d:",
        "split:",
        "send email:",
        'send webhook "https://example.com/"',
        "user_email",
    ]
    assert {one.code for one in found} == {"E401"}


def test_nothing_is_told_of_what_can_run() -> None:
    body = (
        'when user_email\nlimit 1 per 3d\nsend web "x"\nif true:\n    set user_city = "x"\nelse:\n    convert "x"\nstop'
    )
    assert not_yet(flow(body)) == ()
