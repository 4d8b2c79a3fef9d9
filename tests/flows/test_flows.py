"""Every flow test of this folder and of the examples passes."""

from pathlib import Path

import pytest

from whenflow.testing import run_all

ROOT = Path(__file__).parents[2]
FILES = sorted((*Path(__file__).parent.rglob("*.flowtest"), *(ROOT / "examples").rglob("*.flowtest")))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_the_flow_test_passes(file: Path) -> None:
    ran = run_all([file])
    assert ran.passed == 1, ran.outcomes[0].render()
