"""Registers the package with fairseq, once fairseq is there.

``fairseq-train --user-dir cline_fairseq`` imports the package after fairseq, and gets the task,
the models, the criterion and the optimizer. The rewriter must work without fairseq and torch:
importing it alone imports neither, and the rest follows when something imports fairseq.
"""

import importlib
import importlib.abc
import importlib.util
import logging
import os
import sys
from pathlib import Path

from .errors import show_input_errors_plainly

_REGISTERING = ("compat", "tasks.cline", "models.cline", "criterions.cline", "optim.fused_adamw")


def register_with_fairseq() -> None:
    """Register now if fairseq has been imported, else as soon as it is."""
    if "fairseq" in sys.modules:
        _register()
    else:
        # It asks for tensorboardX at each import.
        logging.getLogger("fairseq.tasks.text_to_speech").setLevel(logging.WARNING)
        sys.meta_path.insert(0, _AfterFairseq())


def _register():
    if Path((sys.argv or [""])[0]).name.startswith("fairseq-"):
        show_input_errors_plainly()
        # Otherwise Hydra prints the traceback of an error itself, and exits.
        os.environ.setdefault("HYDRA_FULL_ERROR", "1")
    for module in _REGISTERING:
        importlib.import_module(f"{__package__}.{module}")


class _AfterFairseq(importlib.abc.MetaPathFinder):
    """Waits for the import of fairseq, and registers right after it."""

    def find_spec(self, fullname, path=None, target=None):
        if fullname != "fairseq":
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec("fairseq")
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_and_register(module):
                load(module)
                _register()

            spec.loader.exec_module = load_and_register
        return spec
