"""Registers the package with fairseq, once fairseq is there.

``fairseq-train --user-dir cline_fairseq`` imports the package after fairseq, and gets the task,
the models, the criterion and the optimizer. The rewriter must work without fairseq and torch:
importing it alone imports neither, and the rest follows when something imports fairseq.
"""

import contextlib
import importlib
import importlib.abc
import importlib.util
import logging
import os
import sys
from pathlib import Path

from .errors import show_input_errors_plainly
from .runtime.interrupts import end_with_parent

_REGISTERING = ("compat", "tasks.cline", "models.cline", "criterions.cline", "optim.fused_adamw")
_TORCHRUN = "TORCHELASTIC_RUN_ID"  # a variable that it gives to the ranks that it starts


def register_with_fairseq() -> None:
    """Register now if fairseq has been imported, else as soon as it is."""
    if "fairseq" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _AfterFairseq())


def _register():
    for module in _REGISTERING:
        importlib.import_module(f"{__package__}.{module}")
    if _in_fairseq_program():
        from .compat import ignore_deprecations_in_fairseq, survive_worker_deaths

        show_input_errors_plainly()
        if _TORCHRUN in os.environ:
            end_with_parent()
        survive_worker_deaths()
        _leave_debug_level()
        ignore_deprecations_in_fairseq()


def _in_fairseq_program():
    """Whether this is fairseq-train or another of its programs, also with ``python -m``."""
    program = Path((sys.argv or [""])[0])
    return program.name.startswith("fairseq-") or program.parent.name == "fairseq_cli"


class _AfterFairseq(importlib.abc.MetaPathFinder):
    """Waits for the import of fairseq, and registers right after it.

    Needed for ``import cline_fairseq`` before ``import fairseq``, which is the order that sorted
    imports have: fairseq looks for plugins in ``--user-dir`` only, and not if the package has been
    imported before. It is gone once fairseq is there. Can go when fairseq reads entry points.
    """

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "fairseq":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("fairseq")
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_register(module):
                with _keep_root_logger():
                    load(module)
                _register()

            spec.loader.exec_module = load_and_register
        return spec


@contextlib.contextmanager
def _keep_root_logger():
    """Leave the configuration of logging to the program.

    One of fairseq's modules (wav2vec2_classification, in 0.12.3) calls ``logging.basicConfig`` with
    level DEBUG when it is imported. That does nothing where the root logger has a handler, so it
    gets the one that Python uses without any. Can go when fairseq's models configure no logging.
    """
    root = logging.getLogger()
    if root.handlers:
        yield
        return
    handler = logging.lastResort or logging.NullHandler()
    root.addHandler(handler)
    try:
        yield
    finally:
        root.removeHandler(handler)


def _leave_debug_level():
    """Undo the same call where a program of fairseq comes after it, as fairseq-validate does.

    Its level is INFO, or LOGLEVEL. Logging that was configured otherwise stays as it is.
    """
    root = logging.getLogger()
    formats = [getattr(handler.formatter, "_fmt", None) for handler in root.handlers]
    if root.level == logging.DEBUG and formats == [logging.BASIC_FORMAT]:
        root.setLevel(os.environ.get("LOGLEVEL", "INFO").upper())
