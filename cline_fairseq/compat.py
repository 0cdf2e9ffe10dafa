"""Bridges between fairseq and current versions of torch and numpy, one function each."""

import argparse
from types import SimpleNamespace

import numpy as np
import torch


def allow_fairseq_checkpoints() -> None:
    """Let torch load the one class in fairseq's checkpoints that it does not know.

    Since 2.6, ``torch.load`` takes plain data only (weights_only), and fairseq keeps the options
    of legacy models as an argparse.Namespace. A checkpoint with any other class stays refused.
    Can go when fairseq stores plain dictionaries.
    """
    torch.serialization.add_safe_globals([argparse.Namespace])


def restore_numpy_aliases() -> None:
    """Give fairseq the aliases that numpy 1.24 and 2 dropped.

    ``TokenBlockDataset`` uses ``np.compat.long`` for ``--sample-break-mode eos``, and
    ``compute_mask_indices`` uses ``np.int``. Can go when fairseq writes ``int``.
    """
    if not hasattr(np, "compat"):
        np.compat = SimpleNamespace(long=int)
    if "int" not in vars(np):
        np.int = int


allow_fairseq_checkpoints()
restore_numpy_aliases()
