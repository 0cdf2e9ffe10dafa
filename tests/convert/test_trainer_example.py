"""The example with transformers' Trainer; its README runs it."""

import json

from programs import run

PROGRAM = "examples/interop/finetune_with_trainer.py"


def test_other_settings_do_not_pass_for_finished(tmp_path):
    """Before any seed is trained, and whatever the order of the seeds."""
    settings = {"task": "MRPC", "model": "m", "lr": 1e-4, "batch_size": 16, "max_epoch": 3}
    result = {"settings": {**settings, "usual_pairs": False}, "seed": 2, "metrics": {}}
    (tmp_path / "seed2.json").write_text(json.dumps(result), encoding="utf-8")
    options = ("--model", "m", "--task", "MRPC", "--glue-dir", tmp_path, "--dest", tmp_path)
    found = run(PROGRAM, *options, "--seeds", "1,2", "--max-epoch", 1, check=False)
    assert found.returncode == 1
    assert found.stderr.splitlines()[-1] == (
        f"error: {tmp_path / 'seed2.json'} is of a run with other settings: pass another --dest"
    )
    assert not (tmp_path / "seed1.json").exists()
