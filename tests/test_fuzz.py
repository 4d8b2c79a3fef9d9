"""A few seconds of fuzzing; `python -m tests.fuzz` goes on for longer."""

import random

from tests.fuzz import corpus, fuzz, mutated


def test_no_text_makes_a_reader_fail() -> None:
    assert fuzz(seconds=8, seed=20260101) > 20


def test_the_corpus_holds_flows_and_flow_tests_and_is_changed() -> None:
    texts = corpus()
    assert any("expect message" in text for text in texts)
    assert any("send web" in text for text in texts)
    assert mutated(texts, random.Random(3)) not in texts  # noqa: S311
