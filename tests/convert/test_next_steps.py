"""The commands that cline-fairseq import-hf prints run as they are printed."""

import os
import subprocess

import pytest

from cline_fairseq.convert.next_steps import next_steps
from programs import BIN, ROOT, run

ENVIRONMENT = {**os.environ, "PATH": f"{BIN}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT)}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["sentencepiece", "gpt2", "roberta"])
def test_printed_commands_run(name, exported, texts, tmp_path):
    for split, part in (("train", texts[:60]), ("valid", texts[60:80])):
        (tmp_path / f"{split}.txt").write_text("\n".join(part) + "\n", encoding="utf-8")
    dest = tmp_path / "a model's folder"
    printed = run("scripts/import_hf.py", "--model", exported[name][0], "--dest", dest).stdout
    start, end = printed.index("for split in"), printed.index("Train from the model:")
    encode, train = printed[start:end], printed[end:].partition("\n\n")[2]
    assert "--tokens-per-sample 100 " in train or name != "roberta"
    smaller = "--max-update 2 --cpu --num-workers 0 --log-interval 1 --disable-validation"
    program = f"set -euo pipefail\n{encode}\n{train.rstrip()} {smaller} --batch-size 2\n"
    result = subprocess.run(
        ["bash", "-c", program], cwd=tmp_path, env=ENVIRONMENT, capture_output=True, text=True
    )
    assert result.returncode == 0, result.stderr[-3000:]
    assert f"Loaded checkpoint {dest / 'model.pt'}" in result.stderr + result.stdout
    assert (tmp_path / "checkpoints" / "checkpoint_last.pt").is_file()


def test_paths_are_quoted(tmp_path):
    text = next_steps(tmp_path / "a $b", "gpt2", 1000)
    assert f"--finetune-from-model '{tmp_path}/a $b'/model.pt" in text
    assert f"--gpt2-vocab-bpe '{tmp_path}/a $b'/vocab.bpe" in text
    assert "--tokens-per-sample 512 " in text
