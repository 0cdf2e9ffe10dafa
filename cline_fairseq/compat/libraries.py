"""Names that numpy removed, and how hydra warns and shows errors."""

import functools
import sys
import warnings
from types import ModuleType, SimpleNamespace

import numpy as np
from fairseq.data import data_utils, language_pair_dataset, token_block_dataset
from fairseq.dataclass import utils as dataclass_utils
from hydra.core.utils import JobReturn

from ..errors import InputError
from ..runtime.interrupts import LEAKS
from ..runtime.terminal import printable


def restore_numpy_aliases() -> None:
    """Provide fairseq's datasets with aliases that numpy removed.

    ``TokenBlockDataset`` (with ``--sample-break-mode eos``) and ``LanguagePairDataset`` use
    ``np.compat.long``, removed in numpy 2.0; ``compute_mask_indices`` uses ``np.int``, removed in
    1.24. Only these three modules see the aliases.

    Can go when fairseq writes ``int``.
    """
    old = _Numpy("numpy")
    for module in (data_utils, language_pair_dataset, token_block_dataset):
        module.np = old


class _Numpy(ModuleType):
    """numpy with two of its former aliases."""

    compat = SimpleNamespace(long=int)
    int = int

    def __getattr__(self, name):
        return getattr(np, name)


def show_input_errors_plainly_under_hydra() -> None:
    """Make an input error in fairseq-hydra-train end with only its message and exit status 1.

    hydra catches the exceptions of a job and prints its overrides and a traceback, so
    ``sys.excepthook`` is never called.

    Can go when hydra lets a program show its own errors.
    """
    shown = vars(JobReturn)["return_value"]

    def return_value(self):
        if isinstance(self._return_value, InputError):
            raise SystemExit(f"error: {printable(str(self._return_value), layout='')}")
        return shown.fget(self)

    replaced = property(return_value, shown.fset)
    JobReturn.return_value = replaced  # type: ignore[method-assign,assignment]


def compose_without_deprecations() -> None:
    """Hide hydra's warnings about the way in which fairseq calls it.

    fairseq turns the command line into its configuration with functions and a config.yaml of
    hydra 1.0, about which hydra 1.3 shows five warnings in 20 lines. No other warning is hidden.

    Can go when fairseq calls ``hydra.compose`` with a version_base.
    """
    dataclass_utils.compose = _without_deprecations(dataclass_utils.compose)
    dataclass_utils.initialize = functools.partial(  # it looks at the file of its caller
        _without_deprecations(dataclass_utils.initialize), caller_stack_depth=2
    )


_HYDRA_DEPRECATIONS = (
    r"hydra\.experimental\.\w+\(\) is no longer experimental",
    r"\s*The version_base parameter is not specified",
    r"In 'config': Usage of deprecated keyword in package header",
    r"\s*'config' is validated against ConfigStore schema with the same name",
    r"\s*The strict flag in the compose API is deprecated",
)


def _without_deprecations(function):
    @functools.wraps(function)
    def quiet(*args, **kwargs):
        with warnings.catch_warnings():
            for message in _HYDRA_DEPRECATIONS:
                warnings.filterwarnings("ignore", message, UserWarning)
            return function(*args, **kwargs)

    return quiet


def ignore_deprecations_in_fairseq() -> None:
    """Hide warnings in the log of fairseq's programs that only fairseq's authors can act on.

    fairseq asks for pinned memory even without a GPU, and calls torch functions by their old names.
    Only fairseq's programs call this function, since it changes the warning filters of the process;
    it respects filters set with ``-W`` or PYTHONWARNINGS.

    Can go when fairseq causes no such warnings.
    """
    if set(sys.warnoptions) - {LEAKS}:  # the programs that start fairseq-train set this one
        return
    pinned = "'pin_memory' argument is set as true but no accelerator is found"
    warnings.filterwarnings("ignore", pinned, UserWarning, r"torch\.utils\.data\.dataloader")
    renamed = r"`torch\.cuda\.amp\.\w+\(args\.\.\.\)` is deprecated"
    warnings.filterwarnings("ignore", renamed, FutureWarning, r"fairseq\.")
