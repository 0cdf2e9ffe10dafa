"""Register the package with fairseq as soon as fairseq has been imported.

``fairseq-train --user-dir cline_fairseq`` imports the package after fairseq, which registers the
task, the models, the criterion and the optimizer at once. The rewriter works without fairseq and
torch: importing it imports neither, and the rest is registered when something imports fairseq.
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
_TORCHRUN = "TORCHELASTIC_RUN_ID"  # environment variable that torchrun sets for its workers


def register_with_fairseq() -> None:
    """Register now if fairseq has been imported, otherwise as soon as it is."""
    if "fairseq" in sys.modules:
        _register()
    else:
        sys.meta_path.insert(0, _AfterFairseq())


def _register():
    for module in _REGISTERING:
        importlib.import_module(f"{__package__}.{module}")
    if _in_fairseq_program():
        from .compat.libraries import ignore_deprecations_in_fairseq
        from .compat.workers import survive_worker_deaths

        show_input_errors_plainly()
        if _TORCHRUN in os.environ:
            end_with_parent()
        survive_worker_deaths()
        _leave_debug_level()
        ignore_deprecations_in_fairseq()


def _in_fairseq_program():
    """Whether this is fairseq-train or another program of fairseq, also with ``python -m``."""
    program = Path((sys.argv or [""])[0])
    return program.name.startswith("fairseq-") or program.parent.name == "fairseq_cli"


class _AfterFairseq(importlib.abc.MetaPathFinder):
    """Waits for the import of fairseq and registers right after it.

    This makes ``import cline_fairseq`` before ``import fairseq`` work, which is the order of sorted
    imports: fairseq looks for plugins only in ``--user-dir``, and skips a package that is already
    imported. The finder removes itself at the import of fairseq.

    Tested with ve-fairseq 0.12.3. Can go when fairseq reads entry points.
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

    One of fairseq's modules (wav2vec2_classification in 0.12.3) calls ``logging.basicConfig`` with
    level DEBUG when it is imported. This has no effect if the root logger has a handler, so it
    temporarily gets Python's handler of last resort.

    Tested with ve-fairseq 0.12.3. Can go when fairseq's models no longer configure logging.
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
    """Undo the same call in programs that configure logging after it, such as fairseq-validate.

    The level becomes LOGLEVEL or INFO. A configuration other than that call's is left alone.
    """
    root = logging.getLogger()
    formats = [getattr(handler.formatter, "_fmt", None) for handler in root.handlers]
    if root.level == logging.DEBUG and formats == [logging.BASIC_FORMAT]:
        root.setLevel(os.environ.get("LOGLEVEL", "INFO").upper())
