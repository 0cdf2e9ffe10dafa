"""numpy and hydra as fairseq expects them, and only for fairseq."""

import argparse
import sys
import warnings

import numpy as np
import pytest
import torch
from fairseq.data import TokenBlockDataset, data_utils
from fairseq.dataclass import utils as dataclass_utils

from cline_fairseq.compat import libraries
from cline_fairseq.runtime.interrupts import LEAKS

PINNED = "'pin_memory' argument is set as true but no accelerator is found, then device pinned"


RENAMED = "`torch.cuda.amp.autocast(args...)` is deprecated. Please use `torch.amp.autocast`"


def test_numpy_aliases_are_for_the_modules_that_need_them():
    assert data_utils.np.int is int
    assert data_utils.np.zeros is np.zeros
    assert not hasattr(np, "int")
    assert hasattr(np, "compat") == np.__version__.startswith("1.")
    lines = [torch.arange(3), torch.arange(5)]
    blocks = TokenBlockDataset(lines, np.array([3, 5]), None, pad=1, eos=2, break_mode="eos")
    assert [len(blocks[i]) for i in range(2)] == [3, 5]


def test_no_deprecations_of_hydra():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        cfg = dataclass_utils.convert_namespace_to_omegaconf(argparse.Namespace())
    assert cfg.common.seed == 1
    other = libraries._without_deprecations(lambda: warnings.warn("of another kind", stacklevel=1))
    with pytest.warns(UserWarning, match="of another kind"):
        other()


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ([], ["the user's concern"]),
        ([LEAKS], ["the user's concern"]),
        (["default"], [PINNED, RENAMED, "the"]),
        ([LEAKS, "default"], [PINNED, RENAMED, "the"]),
    ],
)
def test_deprecations_in_fairseq(monkeypatch, options, shown):
    """Ours are ignored, others are shown; filters of the user stay as they are."""
    monkeypatch.setattr(sys, "warnoptions", options)
    with warnings.catch_warnings(record=True) as found:
        warnings.simplefilter("always")
        libraries.ignore_deprecations_in_fairseq()
        for message, category, module in (
            (PINNED, UserWarning, "torch.utils.data.dataloader"),
            (RENAMED, FutureWarning, "fairseq.tasks.fairseq_task"),
            ("the user's concern", UserWarning, "fairseq.trainer"),
        ):
            warnings.warn_explicit(message, category, "file.py", 1, module)
    assert len(found) == len(shown)
    assert all(str(w.message).startswith(part) for w, part in zip(found, shown, strict=True))
