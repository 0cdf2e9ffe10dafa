"""All programs begin alike."""

import pytest

from programs import ROOT

PROGRAMS = [
    path
    for path in [*ROOT.glob("scripts/*.py"), *ROOT.glob("examples/*/*.py")]
    if "\ndef main(" in path.read_text(encoding="utf-8")
]
HEADER = '''"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.interrupts import end_at_once

    end_at_once()

'''


@pytest.mark.parametrize("path", PROGRAMS, ids=lambda path: path.name)
def test_ctrl_c_works_from_the_start_on(path):
    before, found, _ = path.read_text(encoding="utf-8").partition(HEADER)
    assert found
    assert "\nimport " not in before
