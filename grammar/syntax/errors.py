"""What a syntax error means. The parser knows which terminals it could have taken; the author is told what is amiss."""

from grammar import wording
from grammar.diagnostics import Diagnostic
from grammar.names import FUNCTIONS, RESERVED_WORDS
from grammar.source import Span
from grammar.suggest import Suggestions
from grammar.syntax import numerals, phrases
from grammar.syntax.beginnings import explain_beginning
from grammar.syntax.fault import SyntaxFault
from grammar.syntax.table import grammar
from grammar.syntax.tokens import Token
from grammar.wording import habits

_VALUES = frozenset({"NAME", "STRING", "INT", "FLOAT", "DURATION", "NONE", "BOOL", "BROKEN"})
_OPERATOR_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else"})


def explain(fault: SyntaxFault, suggestions: Suggestions) -> Diagnostic:
    """The diagnostic of a syntax error."""
    if fault.index == 0 and not fault.wants_value:
        return explain_beginning(fault, suggestions)
    for rule in (_quotes, _duration, _operator_word, _punctuation, _operand, _operator, _header):
        diagnostic = rule(fault)
        if diagnostic is not None:
            return diagnostic
    if fault.token.text in RESERVED_WORDS and "NAME" in fault.accepted and not fault.wants_value:
        return wording.reserved_word(fault.span, fault.token.text)
    expected = phrases.expected(fault.accepted, grammar().terminals["="])
    help = wording.did_you_mean(_nearest_word(fault, suggestions)) or _form(fault)
    return wording.cannot_stand(fault.span, phrases.found(fault.token), expected, help)


def _form(fault: SyntaxFault) -> str | None:
    """How the line is written; a lone expression begins no line. Or what a word behind an expression means."""
    if fault.alone:
        return habits.OPERATORS.get(fault.token.text)
    return phrases.form(fault.line) or habits.OPERATORS.get(fault.token.text)


def _nearest_word(fault: SyntaxFault, suggestions: Suggestions) -> str | None:
    """The word of the language that could stand here and was most likely meant."""
    if fault.token.type != "NAME":
        return None
    words = [text for text, terminal in grammar().terminals.items() if terminal in fault.accepted and text.isalpha()]
    return suggestions.nearest(fault.token.text, words) if words else None


# Texts ---------------------------------------------------------------------------------------------------------------


def _quotes(fault: SyntaxFault) -> Diagnostic | None:
    """The quotes of a template stand inside its braces too; or a text has a prefix."""
    previous, token, following = fault.previous, fault.token, fault.at(fault.index + 1)
    if previous is not None and previous.opens_braces and "}}" in _rest_of_line(fault):
        return wording.nested_quotes(Span(fault.source, previous.end - 1, previous.end), previous.text[0])
    for prefix, text in ((previous, token), (token, following)):
        is_prefix = prefix is not None and prefix.type == "NAME" and prefix.text.lower() in habits.TEXT_PREFIXES
        if prefix is not None and is_prefix and text.type == "STRING" and prefix.end == text.start:
            return wording.no_prefixes(Span(fault.source, prefix.start, prefix.end), prefix.text)
    return None


def _rest_of_line(fault: SyntaxFault) -> str:
    return fault.source.text[fault.token.start :].partition("\n")[0]


# Durations and windows -----------------------------------------------------------------------------------------------


def _duration(fault: SyntaxFault) -> Diagnostic | None:
    """A duration was wanted, or the word before it; or the hours stand without quotes."""
    token, accepted, head = fault.token, fault.accepted, fault.line.head
    spelled = _spelled_duration(fault)
    if spelled is not None:
        return spelled
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


def _spelled_duration(fault: SyntaxFault) -> Diagnostic | None:
    """`14 days`, `wait 20 minutes`, `per week`."""
    token, previous = fault.token, fault.previous
    number, unit = token, fault.at(fault.index + 1)
    if previous is not None and previous.type in ("INT", "FLOAT") and fault.wants_operator:
        number, unit = previous, token
    help = None
    if number.type in ("INT", "FLOAT") and unit.type == "NAME":
        help = numerals.with_unit(number.text, unit.text)
    elif "DURATION" in fault.accepted and not fault.wants_value and token.type == "NAME":
        has_article = token.text in ("a", "an", "one") and unit.type == "NAME"
        number, unit = token, unit if has_article else token
        help = numerals.with_unit("1", unit.text) if len(unit.text) > 1 else None
    if help is None:
        return None
    span = Span(fault.source, number.start, unit.end)
    if fault.at(fault.index + 1).text == "ago" and number is previous:
        help = wording.ago(help)
    return wording.missing_unit(span, span.text, wording.write(help) if "`" not in help else help)


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
    following = fault.at(fault.index + 1)
    between_digits = previous.type == following.type == "INT" and previous.end + 1 == following.start
    if text == ":" and between_digits and (opening is None or opening.text == "("):
        return wording.cannot_stand(fault.span, phrases.found(fault.token), "", wording.CLOCK)
    if text == ":" and opening is None and not fault.alone and fault.line.head in ("when", "exit", "goal", "set", "to"):
        is_set = fault.line.head == "set" and all(token.text != "=" for token in fault.line.tokens[: fault.index])
        help = phrases.form(fault.line) if is_set else wording.NO_COLON
        return wording.cannot_stand(fault.span, phrases.found(fault.token), "", help)
    if text == "for" and opening is not None and not fault.wants_value:
        return wording.cannot_stand(fault.span, phrases.found(fault.token), "", wording.NO_COMPREHENSIONS)
    if text == ":" and opening is not None and opening.text == "[":
        return wording.no_slices(fault.span)
    if text == "," and not fault.wants_value and (opening is not None or _has_expression(fault)):
        is_number = between_digits and opening is None and len(following.text) == 3
        return wording.no_tuples(fault.span, f"{previous.text}{following.text}" if is_number else None)
    if text == "(" and fault.wants_operator:
        is_method = previous.type == "NAME" and fault.index > 1 and fault.at(fault.index - 2).text == "."
        return wording.no_methods(fault.span, _method_help(previous.text) if is_method else None)
    if fault.wants_value and previous.text == "," and text in (")", "]"):
        return wording.no_trailing_comma(Span(fault.source, previous.start, previous.end))
    return None


def _has_expression(fault: SyntaxFault) -> bool:
    """Whether the line has an expression before the fault: behind its first word, or, as in a segment, it is one."""
    if fault.alone or fault.line.head in ("when", "exit", "goal", "set", "wait", "if", "elif", "to"):
        return True
    begins_with_value = fault.line.tokens[0].type in _VALUES or fault.line.head in ("(", "[", "-", "not")
    return begins_with_value and not fault.line.is_arm


def _method_help(name: str) -> str | None:
    return wording.first_argument(name) if name in FUNCTIONS else habits.FUNCTIONS.get(name.lower())


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
    return wording.missing_value(fault.span, phrases.found(fault.token), after, _value_help(fault))


def _value_help(fault: SyntaxFault) -> str | None:
    token, previous = fault.token, fault.previous
    if token.text == "if":
        return wording.CHOICE
    if token.text == ":" and previous is not None and previous.text in ("when", "to", "until", "goal", "if", "elif"):
        return wording.NO_COLON
    before = fault.at(fault.index - 2) if fault.index > 1 else None
    if previous is not None and previous.text == "%" and before is not None and before.type in ("INT", "FLOAT"):
        return wording.PERCENT
    return None


def _operator(fault: SyntaxFault) -> Diagnostic | None:
    """An operand came before."""
    token, previous = fault.token, fault.previous
    if previous is None:
        return None
    if fault.accepted and fault.accepted <= {"NONE", "NOT"}:
        meant = habits.AFTER_IS_NOT if previous.text == "not" else habits.AFTER_IS
        return wording.is_only_for_none(fault.span, meant.get(token.text.lower()))
    if fault.accepted == {"IN"}:
        return wording.cannot_stand(fault.span, phrases.found(token), phrases.expected(("IN",), ""), wording.NOT_IN)
    if "ELSE" in fault.accepted and not fault.wants_operator:
        return wording.conditional_without_else(fault.span)
    if fault.wants_operator and (token.type in _VALUES or token.text in ("[", "for")):
        help = _operator_help(previous, token)
        return wording.missing_operator(fault.span, phrases.found(previous), phrases.found(token), help)
    return None


def _operator_help(previous: Token, token: Token) -> str:
    if token.text == "for":
        return wording.NO_COMPREHENSIONS
    names = [one.text.lower() for one in (token, previous) if one.type == "NAME"]
    for name in names:
        if name in habits.OPERATORS:
            return habits.OPERATORS[name]
    return habits.NAMES["lambda"] if "lambda" in names else wording.JOIN


def _header(fault: SyntaxFault) -> Diagnostic | None:
    previous = fault.previous
    if previous is not None and previous.text == ":" and "_NEWLINE" in fault.accepted:
        return wording.one_line_block(fault.span)
    header = phrases.header(fault.line)
    if "COLON" in fault.accepted and fault.token.type == "_NEWLINE" and header is not None:
        return wording.missing_colon(fault.span, header)
    return None
