"""Lexicons whose arrays do not fit each other are refused in one sentence."""

import numpy as np
import pytest

from cline_fairseq.errors import InputError
from cline_fairseq.rewriting import Lexicon
from cline_fairseq.rewriting.lexicon_check import find_fault


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        ("entry_form", lambda a: a + len(a), "entry_form has numbers outside the range"),
        ("pair_candidate", lambda a: -a, "pair_candidate has numbers outside the range"),
        ("pair_kind", lambda a: np.full_like(a, 200), "pair_kind has numbers outside the range"),
        ("entry_lemma", lambda a: a[::-1], "entry_tag and entry_lemma are not in ascending"),
        ("pool_entry", lambda a: a[::-1], "pool_entry are not in ascending"),
        ("pair_weight", lambda a: a[1:], "pair_weight and pair_lemma are of different lengths"),
        ("forms", lambda a: np.append(a, np.uint8(0xFF)), "forms is not UTF-8 text"),
        ("lemma_count", lambda a: a.astype(float), "lemma_count is not a list of whole numbers"),
        ("pool_count", lambda a: -a, "pool_count has negative numbers"),
    ],
)
def test_faults(lexicon, name, change, message):
    data = lexicon.data
    assert find_fault(data._asdict()) is None
    assert message in find_fault({**data._asdict(), name: change(getattr(data, name))})


def test_files(lexicon, tmp_path):
    path = tmp_path / "lexicon.npz"
    lexicon.data._replace(pair_kind=np.full_like(lexicon.data.pair_kind, 200)).save(path)
    with pytest.raises(InputError, match=r"of this version \(pair_kind has numbers"):
        Lexicon.load(path)
