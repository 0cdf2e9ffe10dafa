"""Help texts: every option of every program is documented, with its default."""

import argparse
import contextlib
import importlib
import io
import re
import runpy
import shlex
import sys

import pytest

from cline_fairseq.cli.main import COMMANDS
from programs import ROOT

INSTALLED = [name for commands in COMMANDS.values() for name in commands]
SCRIPTS = [  # those that are no commands; the others are three lines
    path.name
    for path in sorted((ROOT / "scripts").glob("*.py"))
    if "cline_fairseq.cli.main import run\n" not in path.read_text(encoding="utf-8")
]


class _ParserError(Exception):
    """What a parser would end the process with."""


def module_of(command):
    return importlib.import_module(f"cline_fairseq.cli.{command.replace('-', '_')}")


def parser_of(program, monkeypatch):
    """The parser of a command or a script, caught when it would parse its arguments."""
    found = []

    def catch(self, args=None, namespace=None):
        found.append(self)
        raise _ParserError

    with monkeypatch.context() as patch, contextlib.suppress(_ParserError):
        patch.setattr(argparse.ArgumentParser, "parse_known_args", catch)
        if program in INSTALLED:
            module_of(program)._parse_args([])
        else:
            patch.syspath_prepend(str(ROOT / "scripts"))
            patch.setattr(sys, "argv", [program])
            patch.setattr(sys, "excepthook", sys.excepthook)
            runpy.run_path(str(ROOT / "scripts" / program), run_name="scripts")["main"]()
    (parser,) = found
    return parser


def with_commands(parser):
    """A parser and those of its commands."""
    parsers = [parser]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            parsers += action.choices.values()
    return parsers


def faults(parser):
    """What is wrong with the help of the options."""
    for action in parser._actions:
        name = "/".join(action.option_strings) or action.dest
        text = action.help or ""
        if isinstance(action, argparse._SubParsersAction):
            continue
        if len(text.split()) < 2:
            yield f"{name}: no help"
        if re.search(r"\bwithout\b\s*($|[;,.)])|^(of|as) ", text):
            yield f"{name}: {text}"
        if action.default not in (None, False, [], argparse.SUPPRESS) and "(default: " not in text:
            yield f"{name}: its default {action.default!r} is missing from {text!r}"
        if text.endswith("."):
            yield f"{name}: ends with a full stop"


@pytest.mark.parametrize("program", [*INSTALLED, *SCRIPTS])
def test_every_option_is_documented(program, monkeypatch):
    for parser in with_commands(parser_of(program, monkeypatch)):
        assert list(faults(parser)) == []


@pytest.mark.parametrize("program", [*INSTALLED, *SCRIPTS])
def test_lines_fit(program, monkeypatch):
    monkeypatch.setenv("COLUMNS", "100")
    for parser in with_commands(parser_of(program, monkeypatch)):
        long = [line for line in parser.format_help().splitlines() if len(line) > 100]
        assert long == []


def test_faults_are_found():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1, help="random seed")
    parser.add_argument("--split")
    parser.add_argument("--epochs", help="number of epochs, 10 without")
    parser.add_argument("--resamples", help="of the bootstrap")
    parser.add_argument("--good", default=3, help="number of things (default: %(default)s)")
    found = [fault.partition(":")[0] for fault in faults(parser)]
    assert found == ["--seed", "--split", "--epochs", "--resamples"]


def examples_of(command):
    """The command lines with a command in its module's docstring, without its name."""
    text = re.sub(r"\\\n\s*", "", module_of(command).__doc__)
    lines = re.findall(rf"^ {{4}}.*?cline-fairseq {command}\b(.*)$", text, re.M)
    return [shlex.split(line.partition(')"')[0].partition(" | ")[0]) for line in lines]


@pytest.mark.parametrize("command", INSTALLED)
def test_examples_parse(command, tmp_path, monkeypatch):
    """Options of the examples in --help exist and have good values."""
    monkeypatch.chdir(tmp_path)
    examples = examples_of(command)
    assert examples
    for arguments in examples:
        errors = io.StringIO()
        try:
            with contextlib.redirect_stderr(errors):
                module_of(command)._parse_args(arguments)
        except SystemExit:
            pytest.fail(f"{command} {shlex.join(arguments)}: {errors.getvalue()}")
