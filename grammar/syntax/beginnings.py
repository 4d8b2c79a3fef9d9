"""Lines that begin with a word that cannot begin them: what the author may have meant, by the block they stand in."""

from grammar import wording
from grammar.diagnostics import Diagnostic
from grammar.names import CLAUSES, DECLARATIONS, MESSAGE_PARTS, STEPS
from grammar.suggest import Suggestions
from grammar.syntax import phrases
from grammar.syntax.fault import SyntaxFault
from grammar.syntax.tokens import Token
from grammar.wording import habits


def explain_beginning(fault: SyntaxFault, suggestions: Suggestions) -> Diagnostic:
    """The diagnostic of a line that cannot begin as it does."""
    word, found = fault.token.text, phrases.beginning(fault.token)
    if "FLOW" in fault.accepted:
        is_comment = word in ("//", "/", "-")
        help = wording.COMMENT if is_comment else wording.did_you_mean(suggestions.nearest(word, DECLARATIONS))
        return wording.unknown_declaration(fault.span, found, help)
    if "SEND" in fault.accepted:
        return _unknown_step(fault, suggestions)
    parts = phrases.parts(fault.accepted)
    if parts is not None:
        what, known = parts
        return wording.unknown_part(fault.span, found, what, known, _part_help(fault.token, known, suggestions))
    if "INT" in fault.accepted:
        return wording.unknown_arm(fault.span, found)
    return wording.one_expression(fault.span)


def _part_help(token: Token, known: tuple[str, ...], suggestions: Suggestions) -> str | None:
    if token.type == "STRING":
        return wording.TEXT_PART
    if token.text == "link" and "button" in known:
        return wording.LINK_OF_BUTTON
    meant = habits.PARTS.get(token.text)
    return wording.did_you_mean(meant if meant in known else suggestions.nearest(token.text, known))


def _unknown_step(fault: SyntaxFault, suggestions: Suggestions) -> Diagnostic:
    word = fault.token.text
    if word in ("elif", "else"):
        return wording.branch_without_if(fault.span, word, "timeout" if "TIMEOUT" in fault.accepted else None)
    if word == "timeout" and fault.at(1).text != "=":
        return wording.timeout_without_wait(fault.span)
    if fault.line.is_arm:
        return wording.arm_without_split(fault.span)
    known = (*CLAUSES, *STEPS)
    help = _step_help(fault, known, suggestions)
    return wording.unknown_step(fault.span, phrases.beginning(fault.token), known, help)


def _step_help(fault: SyntaxFault, known: tuple[str, ...], suggestions: Suggestions) -> str | None:
    word = fault.token.text
    if fault.at(1).text == "=":
        return wording.meant_set(word)
    if word in DECLARATIONS:
        return wording.OUTDENT
    if word in MESSAGE_PARTS:
        return wording.PART_OF_MESSAGE
    if word in habits.NO_STEPS:
        return habits.NO_STEPS[word]
    branches = [branch for branch in ("elif", "else", "timeout") if branch.upper() in fault.accepted]
    return wording.did_you_mean(habits.STEPS.get(word) or suggestions.nearest(word, (*known, *branches)))
