"""Registration with fairseq, in any order of imports, and what it leaves alone."""

import logging
import os
import subprocess
import sys

import pytest

from cline_fairseq import registration


@pytest.mark.parametrize(
    ("form", "level", "expected"),
    [
        (logging.BASIC_FORMAT, logging.DEBUG, logging.INFO),
        (logging.BASIC_FORMAT, logging.WARNING, logging.WARNING),
        ("%(message)s", logging.DEBUG, logging.DEBUG),
    ],
)
def test_debug_level_of_a_fairseq_program(monkeypatch, form, level, expected):
    root, handler = logging.RootLogger(level), logging.StreamHandler()
    handler.setFormatter(logging.Formatter(form))
    root.addHandler(handler)
    monkeypatch.setattr(registration.logging, "getLogger", lambda: root)
    monkeypatch.delenv("LOGLEVEL", raising=False)
    registration._leave_debug_level()
    assert root.level == expected


@pytest.mark.parametrize(
    ("program", "expected"),
    [
        ("/usr/bin/fairseq-train", True),
        ("/lib/fairseq_cli/train.py", True),
        ("scripts/encode.py", False),
        ("", False),
    ],
)
def test_programs_of_fairseq(monkeypatch, program, expected):
    monkeypatch.setattr(sys, "argv", [program])
    assert registration._in_fairseq_program() == expected


# What importing us and fairseq leaves alone, and that we are registered.
CHECKS = """
import sys, logging, os, warnings
from fairseq.criterions import CRITERION_REGISTRY
from fairseq.models import MODEL_REGISTRY
from fairseq.optim import OPTIMIZER_REGISTRY
from fairseq.tasks import TASK_REGISTRY
assert "cline" in TASK_REGISTRY and "cline" in MODEL_REGISTRY and "cline" in CRITERION_REGISTRY
assert "fused_adamw" in OPTIMIZER_REGISTRY
assert "torch._dynamo" not in sys.modules
assert "ONEDNN_PRIMITIVE_CACHE_CAPACITY" not in os.environ
assert not any("cline_fairseq" in type(finder).__module__ for finder in sys.meta_path)
assert not any("pin_memory" in str(entry) for entry in warnings.filters)
assert sys.excepthook is sys.__excepthook__
"""


ALONE = """
import sys
import cline_fairseq.rewriting
assert not {"torch", "fairseq"} & sys.modules.keys()
import fairseq, logging, numpy
assert logging.root.level == logging.WARNING and not logging.root.handlers
assert not hasattr(numpy, "int")
"""


CONFIGURED = """
import logging
logging.basicConfig(level=logging.INFO)
handlers = logging.root.handlers[:]
import cline_fairseq.models.cline
assert logging.root.level == logging.INFO and logging.root.handlers == handlers
"""


@pytest.mark.parametrize(
    "code",
    [
        ALONE,
        CONFIGURED,
        "import cline_fairseq, fairseq_cli.train",
        "import fairseq_cli.train, cline_fairseq",
    ],
    ids=["rewriting first", "logging configured", "ours first", "fairseq first"],
)
def test_registers_in_any_order_of_imports(code):
    environment = {k: v for k, v in os.environ.items() if not k.startswith("ONEDNN")}
    result = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code + CHECKS],
        env=environment,
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr
    if code == ALONE:
        assert result.stderr == ""
