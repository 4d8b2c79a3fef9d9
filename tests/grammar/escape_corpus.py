"""Reads the corpora in `escapes/`: ways out of other evaluators and template languages."""

from pathlib import Path

FOLDER = Path(__file__).parent / "escapes"


def corpus(name: str) -> list[str]:
    """The lines of one corpus, without its comments: lines that begin with `# `."""
    lines = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").split("\n")
    payloads = [line for line in lines if line and not line.startswith("# ")]
    assert len(payloads) == len(set(payloads)), "a payload stands in a corpus once"
    return payloads


def in_template(payload: str) -> str:
    """A text literal whose template holds the payload between braces."""
    escaped = payload.replace("\\", "\\\\")
    return f'"""{{{{ {escaped} }}}}"""'
