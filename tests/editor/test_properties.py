"""Any text gets answers, at any place."""

from hypothesis import example, given
from hypothesis import strategies as st

from editor.completion import complete
from editor.formatting import format_source
from editor.hover import declarations, describe
from editor.programs import check_program, valid_text
from editor.symbols import symbol_at
from grammar.diagnostics import Diagnostics
from grammar.syntax.parser import read_source
from tests.editor.support import DECLARED

PIECES = st.sampled_from(
    [
        *("event", "field", "segment", "flow", "on", "when", "limit", "hours", "exit", "goal", "send", "web", "email"),
        *(
            "webhook",
            "with",
            "set",
            "convert",
            "wait",
            "until",
            "for",
            "if",
            "elif",
            "else",
            "split",
            "timeout",
            "enter",
        ),
        *("change", "text", "button", "in_segment", "hour", "matches", "event_count_1", "webclick", "any", "per"),
        *(
            " ",
            "  ",
            "    ",
            "\n",
            "\n    ",
            "\n        ",
            ":",
            ",",
            ".",
            "(",
            ")",
            "[",
            "]",
            "=",
            "==",
            "-",
            "1",
            "7d",
        ),
        *('"', "'", '"""', "\\", "{{", "}}", "#", "\t", "\r", "“", "，", "您", "😋", "\u2028", "\x00", "\ud800"),
    ]
)
TEXTS = st.one_of(
    st.text(max_size=60),
    st.lists(PIECES, max_size=40).map("".join),
    st.lists(PIECES, max_size=30).map(lambda pieces: DECLARED + "flow f:\n    on webclick\n    " + "".join(pieces)),
)


@given(TEXTS, st.floats(0, 1))
@example("goal", 1.0)
@example('flow f:\n    send webhook "x" with a,', 1.0)
@example("flow f:\n    send 'x' '{{", 1.0)
def test_every_question_is_answered(text: str, where: float) -> None:
    text = valid_text(text)
    source = read_source("t.flow", text, Diagnostics())
    assert source is not None
    offset = round(where * len(source.text))
    script = check_program({"t.flow": text}).script
    found = complete(source, offset, script)
    assert 0 <= found.start <= found.end == offset
    symbol = symbol_at(source, offset)
    if symbol is not None:
        assert symbol.span.start <= offset <= symbol.span.end
        describe(symbol, script)
        declarations(symbol, script)
    for edit in format_source(source):
        assert 0 <= edit.start <= edit.end <= len(source.text)
