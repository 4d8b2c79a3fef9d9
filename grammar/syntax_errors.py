"""What a syntax error means. The parser knows which terminals it could have taken; the author is told what is amiss."""

from dataclasses import dataclass

from grammar import phrases, wording
from grammar.diagnostics import Diagnostic
from grammar.names import RESERVED_WORDS
from grammar.source import Source, Span
from grammar.suggest import Suggestions
from grammar.table import grammar
from grammar.tokens import Line, Token

_VALUES = frozenset({"NAME", "STRING", "INT", "FLOAT", "DURATION", "NONE", "BOOL", "BROKEN"})
_OPERATOR_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})


@dataclass(frozen=True, slots=True)
class SyntaxFault:
    """The token at which a line cannot go on, and the terminals that could have stood in its place."""

    source: Source
    line: Line
    index: int
    accepted: frozenset[str]
    alone: bool = False
    """Whether the line is an expression by itself, as in a template."""

    @property
    def token(self) -> Token:
        return self.at(self.index)

    @property
    def previous(self) -> Token | None:
        return self.at(self.index - 1) if self.index else None

    @property
    def span(self) -> Span:
        return Span(self.source, self.token.start, self.token.end)

    @property
    def wants_value(self) -> bool:
        return {"NAME", "OPEN_ROUND", "MINUS"} <= self.accepted

    @property
    def wants_operator(self) -> bool:
        return "PLUS" in self.accepted and not self.wants_value

    def at(self, index: int) -> Token:
        tokens = self.line.tokens
        if index < len(tokens):
            return tokens[index]
        end = tokens[-1].end if tokens else self.line.start
        return Token("$END" if self.alone else "_NEWLINE", "", end, end)

    def bracket(self) -> int | None:
        """The index of the innermost bracket that is open at the token."""
        depth = 0
        for index in range(self.index - 1, -1, -1):
            text = self.line.tokens[index].text
            if text in (")", "]"):
                depth += 1
            elif text in ("(", "["):
                if depth == 0:
                    return index
                depth -= 1
        return None


def explain(fault: SyntaxFault, suggestions: Suggestions) -> Diagnostic:
    """The diagnostic of a syntax error."""
    if fault.index == 0 and not fault.wants_value:
        return _first_word(fault, suggestions)
    for rule in (_duration, _operator_word, _punctuation, _operand, _operator, _header):
        diagnostic = rule(fault)
        if diagnostic is not None:
            return diagnostic
    if fault.token.text in RESERVED_WORDS and "NAME" in fault.accepted and not fault.wants_value:
        return wording.reserved_word(fault.span, fault.token.text)
    expected = phrases.expected(fault.accepted, grammar().terminals["="])
    form = None if fault.alone else phrases.form(fault.line)
    help = wording.did_you_mean(_nearest_word(fault, suggestions)) or form
    return wording.cannot_stand(fault.span, phrases.found(fault.token), expected, help)


def _nearest_word(fault: SyntaxFault, suggestions: Suggestions) -> str | None:
    """The word of the language that could stand here and was most likely meant."""
    if fault.token.type != "NAME":
        return None
    words = [text for text, terminal in grammar().terminals.items() if terminal in fault.accepted and text.isalpha()]
    return suggestions.nearest(fault.token.text, words) if words else None


# Lines that begin with a word that cannot begin them ------------------------------------------------------------------


def _first_word(fault: SyntaxFault, suggestions: Suggestions) -> Diagnostic:
    word, found = fault.token.text, phrases.beginning(fault.token)
    if "FLOW" in fault.accepted:
        return wording.unknown_declaration(fault.span, found, suggestions.nearest(word, phrases.DECLARATIONS))
    if "SEND" in fault.accepted:
        return _unknown_step(fault, suggestions)
    parts = phrases.parts(fault.accepted)
    if parts is not None:
        what, known = parts
        return wording.unknown_part(fault.span, found, what, known, suggestions.nearest(word, known))
    if "INT" in fault.accepted:
        return wording.unknown_arm(fault.span, found)
    return wording.one_expression(fault.span)


def _unknown_step(fault: SyntaxFault, suggestions: Suggestions) -> Diagnostic:
    word = fault.token.text
    known = (*phrases.CLAUSES, *phrases.STEPS)
    if word in ("elif", "else"):
        return wording.branch_without_if(fault.span, word, "timeout" if "TIMEOUT" in fault.accepted else None)
    if word == "timeout" and fault.at(1).text != "=":
        return wording.timeout_without_wait(fault.span)
    if phrases.is_arm(fault.line):
        return wording.arm_without_split(fault.span)
    if fault.at(1).text == "=":
        return wording.unknown_step(fault.span, phrases.beginning(fault.token), known, wording.meant_set(word))
    if word in phrases.DECLARATIONS:
        return wording.unknown_step(fault.span, phrases.beginning(fault.token), known, wording.OUTDENT)
    if word in phrases.MESSAGE_PARTS:
        return wording.unknown_step(fault.span, phrases.beginning(fault.token), known, wording.PART_OF_MESSAGE)
    branches = [branch for branch in ("elif", "else", "timeout") if branch.upper() in fault.accepted]
    suggestion = phrases.MEANT.get(word) or suggestions.nearest(word, (*known, *branches))
    return wording.unknown_step(fault.span, phrases.beginning(fault.token), known, wording.did_you_mean(suggestion))


# Durations and windows -----------------------------------------------------------------------------------------------


def _duration(fault: SyntaxFault) -> Diagnostic | None:
    """A duration was wanted, or the word before it; or the hours stand without quotes."""
    token, accepted, head = fault.token, fault.accepted, fault.line.head
    if token.type == "INT" and "DURATION" in accepted and "INT" not in accepted:
        return wording.missing_unit(fault.span, token.text)
    if head == "hours" and token.type in ("INT", "COLON") and "STRING" in accepted:
        return wording.unquoted_window(fault.span)
    ends = token.type in ("_NEWLINE", "COLON", "DURATION") or token.text.lower() in ("for", "within")
    if ends and head == "goal" and "WITHIN" in accepted:
        return wording.missing_duration(fault.span, "a `goal`", "within", phrases.form(fault.line))
    if ends and head == "wait" and "FOR" in accepted:
        return wording.missing_duration(fault.span, "a `wait until`", "for", phrases.form(fault.line))
    return None


# Expressions ----------------------------------------------------------------------------------------------------------


def _operator_word(fault: SyntaxFault) -> Diagnostic | None:
    """`AND`, `Or`: operators that were not written in small letters."""
    for token in (fault.token, fault.previous):
        if token is None or token.type != "NAME":
            continue
        word = token.text.lower()
        if word in _OPERATOR_WORDS and word != token.text and (fault.wants_operator or fault.wants_value):
            return wording.wrong_case(Span(fault.source, token.start, token.end), token.text, word)
    return None


def _punctuation(fault: SyntaxFault) -> Diagnostic | None:
    text, previous, bracket = fault.token.text, fault.previous, fault.bracket()
    opening = fault.line.tokens[bracket] if bracket is not None else None
    if fault.token.type == "STRING" or previous is None:
        return None
    if text == "=" and fault.wants_operator:
        in_call = opening is not None and opening.text == "(" and previous.type == "NAME"
        return (
            wording.no_keyword_arguments(fault.span)
            if in_call and _is_call(fault)
            else wording.single_equals(fault.span)
        )
    if text == ":" and opening is not None and opening.text == "[":
        return wording.no_slices(fault.span)
    if text == "," and not fault.wants_value and (opening is not None or _has_expression(fault)):
        return wording.no_tuples(fault.span)
    if text == "(" and fault.wants_operator:
        is_method = previous.type == "NAME" and fault.index > 1 and fault.at(fault.index - 2).text == "."
        return wording.no_methods(fault.span, previous.text if is_method else None)
    if fault.wants_value and previous.text == "," and text in (")", "]"):
        return wording.no_trailing_comma(Span(fault.source, previous.start, previous.end))
    return None


def _has_expression(fault: SyntaxFault) -> bool:
    """Whether the line has an expression before the fault: behind its first word, or, as in a segment, it is one."""
    if fault.alone or fault.line.head in ("when", "exit", "goal", "set", "wait", "if", "elif", "to"):
        return True
    begins_with_value = fault.line.tokens[0].type in _VALUES or fault.line.head in ("(", "[", "-", "not")
    return begins_with_value and not phrases.is_arm(fault.line)


def _is_call(fault: SyntaxFault) -> bool:
    bracket = fault.bracket()
    return bracket is not None and bracket > 0 and fault.at(bracket - 1).type == "NAME"


def _operand(fault: SyntaxFault) -> Diagnostic | None:
    """A value was wanted."""
    if not fault.wants_value:
        return None
    if fault.token.text == "+":
        return wording.no_unary_plus(fault.span)
    if fault.token.text == "not":
        return wording.cannot_stand(fault.span, phrases.found(fault.token), "", wording.BRACKET_NOT)
    after = wording.after(phrases.found(fault.previous)) if fault.previous else wording.HERE
    return wording.missing_value(fault.span, phrases.found(fault.token), after)


def _operator(fault: SyntaxFault) -> Diagnostic | None:
    """An operand came before."""
    token, previous = fault.token, fault.previous
    if previous is None:
        return None
    if fault.accepted and fault.accepted <= {"NONE", "NOT"}:
        return wording.is_only_for_none(fault.span)
    if fault.accepted == {"IN"}:
        return wording.cannot_stand(fault.span, phrases.found(token), phrases.expected(("IN",), ""), wording.NOT_IN)
    if "ELSE" in fault.accepted and not fault.wants_operator:
        return wording.conditional_without_else(fault.span)
    if fault.wants_operator and (token.type in _VALUES or token.text in ("[", "for")):
        return wording.missing_operator(fault.span, phrases.found(previous), phrases.found(token))
    return None


def _header(fault: SyntaxFault) -> Diagnostic | None:
    previous = fault.previous
    if previous is not None and previous.text == ":" and "_NEWLINE" in fault.accepted:
        return wording.one_line_block(fault.span)
    header = phrases.header(fault.line)
    if "COLON" in fault.accepted and fault.token.type == "_NEWLINE" and header is not None:
        return wording.missing_colon(fault.span, header)
    return None
