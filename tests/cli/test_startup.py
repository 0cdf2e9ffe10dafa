"""Programs tell what is wrong with their options without importing torch, which takes seconds."""

import json
import subprocess
import sys

import pytest

from programs import ROOT

SCRIPTS = sorted(path.name for path in (ROOT / "scripts").glob("*.py"))
RUN_ALL = """
import contextlib, io, json, runpy, sys
sys.path.insert(0, "scripts")
for command in json.load(sys.stdin):
    sys.argv = command
    shown = io.StringIO()
    try:
        with contextlib.redirect_stdout(shown), contextlib.redirect_stderr(shown):
            runpy.run_path(command[0], run_name="__main__")
        end = "0"
    except SystemExit as stop:
        end = str(stop.code)
    except Exception as error:
        end = f"{type(error).__name__}: {error}"
    slow = sorted({"torch", "fairseq", "transformers", "textattack"} & set(sys.modules))
    print(json.dumps([end, shown.getvalue(), slow]))
    if slow:
        break
"""


def run_all(commands):
    """How each command ends, what it prints, and which slow packages are imported by then.

    They run one after the other in a fresh process, which stops at the first slow package.
    """
    commands = [[f"scripts/{command[0]}", *map(str, command[1:])] for command in commands]
    process = subprocess.run(
        [sys.executable, "-c", RUN_ALL],
        input=json.dumps(commands),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert process.returncode == 0, process.stderr
    results = list(map(json.loads, process.stdout.splitlines()))
    for command, (_, _, slow) in zip(commands, results, strict=False):
        assert not slow, " ".join(command)
    return results


@pytest.mark.parametrize(("option", "status"), [("--help", "0"), ("--no-such-option", "2")])
def test_options_are_told_without_torch(option, status):
    results = run_all([[name, option] for name in SCRIPTS])
    assert {name: end for name, (end, _, _) in zip(SCRIPTS, results, strict=True)} == dict.fromkeys(
        SCRIPTS, status
    )
    assert all("usage: " in shown for _, shown, _ in results)


def test_benchmark_commands_without_torch():
    commands = [
        ["benchmark.py", name, "--help"] for name in ("corpus", "evaluate", "loader", "rewrite")
    ]
    assert {end for end, _, _ in run_all([*commands, ["benchmark.py", "train", "--help"]])} == {"0"}


BPE = "--bpe sentencepiece --sentencepiece-model"
MODEL = f"--checkpoint FILE --data DIR {BPE}"
MISSING = [
    (f"attack.py --checkpoint no --data DIR {BPE} FILE --input FILE", "no checkpoint no"),
    (f"evaluate_hits.py --checkpoint no --data DIR {BPE} FILE", "no checkpoint no"),
    (f"export_hf.py --checkpoint no --data DIR {BPE} FILE --dest DIR/a", "no checkpoint no"),
    ("glue_finetune.py --task RTE --checkpoint no --data DIR/a --save DIR/a", "no checkpoint no"),
    (
        f"evaluate_advglue.py --checkpoint sst2=no --data DIR {BPE} FILE --file FILE",
        "no checkpoint no",
    ),
    (
        f"benchmark.py evaluate --checkpoint no --data DIR {BPE} FILE --text FILE",
        "no checkpoint no",
    ),
    (f"attack.py --checkpoint FILE --data no {BPE} FILE --input FILE", "no folder no:"),
    (f"attack.py {MODEL} no --input FILE", "no file no:"),
    (f"evaluate_hits.py {MODEL} no --input FILE", "no file no:"),
    (f"plot_embeddings.py {MODEL} no --input FILE", "no file no:"),
    (f"evaluate_contrast.py {MODEL} no --originals FILE --contrasts FILE", "no file no:"),
    (f"export_roberta.py {MODEL} no --dest DIR/a", "no file no:"),
    ("train_tagger.py --evaluate no", "no file no:"),
    (f"benchmark.py rewrite --text FILE --dict no {BPE} FILE", "no file no:"),
    (f"benchmark.py train --data no {BPE} FILE", "no file no/dict.txt:"),
    (f"export_hf.py {MODEL} FILE --dest DIR", "already exists"),
    (f"export_roberta.py {MODEL} FILE --dest DIR", "already exists"),
    ("import_hf.py --model any --dest DIR", "already exists"),
    (f"attack.py {MODEL} FILE --input FILE --json no/a", "no folder no to write a to"),
    (
        f"evaluate_advglue.py --checkpoint sst2=FILE --data DIR {BPE} FILE --file FILE --json no/a",
        "no folder no to write a to",
    ),
    ("inspect_data.py DIR --split valid --plot no/a", "no folder no to write a to"),
    ("train_tagger.py --train FILE --output no/a", "no folder no to write a to"),
    ("tag_with_spacy.py --input FILE --output no/a", "no folder no to write a to"),
    (
        "build_lexicon.py --tagged FILE --output no/a --weights wordnet",
        "no folder no to write a to",
    ),
    ("inspect_data.py DIR", "no binarized text"),
    ("inspect_data.py DIR --split valid --bpe gpt2", "--bpe gpt2 needs --gpt2-encoder-json"),
    ("glue_finetune.py --task RTE --checkpoint FILE --data no --save DIR/a", "no no/input0/train"),
    ("finetune.py --checkpoint no --train FILE --valid FILE --save DIR/a", "no checkpoint no"),
    ("finetune.py --checkpoint FILE --train FILE --valid no --save DIR/a", "no file no:"),
    (
        "finetune.py --checkpoint FILE --train FILE --valid FILE --save DIR/a",
        "contains no examples",
    ),
    (
        "glue_finetune.py --task RTE --checkpoint FILE --data DIR/glue --save DIR/a --predict test",
        "has no test split",
    ),
]


def test_missing_files_are_told_without_torch(tmp_path):
    for name in ("dict.txt", "valid.idx", "glue/input0/train.idx", "glue/input0/valid.idx"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("a 1\n")
    commands = [command.replace("FILE", "DIR/dict.txt") for command, _ in MISSING]
    commands = [command.replace("DIR", str(tmp_path)).split() for command in commands]
    ends = [end for end, _, _ in run_all(commands)]
    wrong = [
        (command, end)
        for (command, message), end in zip(MISSING, ends, strict=True)
        if message not in end
    ]
    assert not wrong
