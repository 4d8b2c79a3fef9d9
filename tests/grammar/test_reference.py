"""The one-line documentation of the language is complete, and says nothing of names that do not exist."""

from grammar import reference
from grammar.kinds import ANY, Type
from grammar.names import (
    CLAUSES,
    DECLARATIONS,
    EVENT_VARIABLES,
    FIELD_TYPES,
    FUNCTIONS,
    INSTANT_VARIABLES,
    MESSAGE_PARTS,
    PREDECLARED_SEGMENTS,
    RUN_VARIABLES,
    STANDARD_VARIABLES,
    STEPS,
    TRACK_EVENT_VARIABLES,
)
from tests.grammar.support import diagnostics


def test_every_variable_is_documented() -> None:
    families = {f"{family}_N" for family in EVENT_VARIABLES}
    alone = {*STANDARD_VARIABLES, *INSTANT_VARIABLES, *TRACK_EVENT_VARIABLES, *RUN_VARIABLES}
    assert set(reference.VARIABLES) == families | alone


def test_every_function_is_documented() -> None:
    assert set(reference.FUNCTION_REFERENCES) == set(FUNCTIONS)


def test_a_signature_has_as_many_parameters_as_the_function_takes() -> None:
    for name, function in FUNCTIONS.items():
        parameters = reference.FUNCTION_REFERENCES[name].parameters
        if function.most is None:
            assert "…" in parameters
            continue
        assert len(parameters.split(",")) == function.most, name
        assert parameters.count("[") == function.most - function.least, name


def test_every_type_of_field_and_every_segment_is_documented() -> None:
    assert set(reference.FIELD_TYPES) == set(FIELD_TYPES)
    assert set(reference.SEGMENTS) == set(PREDECLARED_SEGMENTS)


def test_the_conditions_of_the_predeclared_segments_are_conditions() -> None:
    for condition in reference.SEGMENTS.values():
        assert diagnostics(f"segment s:\n    {condition}\n") == ()


def test_every_word_that_begins_a_line_is_documented() -> None:
    assert tuple(reference.DECLARATIONS) == DECLARATIONS
    assert set(CLAUSES) <= set(reference.CLAUSES)
    assert set(STEPS) <= set(reference.STEPS)
    assert set(MESSAGE_PARTS) <= {*reference.WEB_PARTS, *reference.EMAIL_PARTS}


def test_a_line_of_documentation_is_one_sentence_or_a_few() -> None:
    functions = [one.doc for one in reference.FUNCTION_REFERENCES.values()]
    words = [
        word.doc
        for table in (
            reference.DECLARATIONS,
            reference.CLAUSES,
            reference.STEPS,
            reference.BRANCHES,
            reference.CHANNELS,
            reference.WEB_PARTS,
            reference.EMAIL_PARTS,
            reference.TRIGGERS,
        )
        for word in table.values()
    ]
    for doc in (*reference.VARIABLES.values(), *functions, *words, *reference.FIELD_TYPES.values()):
        assert doc.endswith("."), doc
        assert doc[0].isupper(), doc
        assert len(doc) <= 120, doc


def test_types_are_shown_as_authors_know_them() -> None:
    assert reference.shown_type(Type.DATETIME | Type.NULL) == "datetime?"
    assert reference.shown_type(Type.INT) == "int"
    assert reference.shown_type(Type.JSON) == "json"
    assert reference.shown_type(Type.INT | Type.FLOAT | Type.NULL) == "(int or float)?"
    assert reference.shown_type(Type.NULL) == "null"
    assert reference.shown_type(ANY) == "any value"
