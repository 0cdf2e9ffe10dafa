"""Training through fairseq's command lines: resuming, fine-tuning, workers, hydra."""

import json
import os
import random
import re
import shutil
import subprocess
import time

import numpy as np
import pytest
import torch
from omegaconf import OmegaConf

from cline_fairseq import compat  # noqa: F401  lets torch load what fairseq saves
from helpers import TOKENIZER, make_task, stock_roberta, train_command
from programs import BIN, ROOT, run


def log_lines(result, kind):
    """The values that fairseq logged: ``train_inner`` (each update), ``valid`` or ``train``."""
    text = result if isinstance(result, str) else result.stdout + result.stderr
    return [json.loads(line) for line in re.findall(rf"[ \[]{kind}[ \]].*?(\{{.*\}})", text)]


def losses(result):
    """What must be equal of two runs, by update."""
    keys = ("loss", "mlm_loss", "rtd_loss", "cts_loss", "rtd_f1", "gnorm", "synonym_share")
    lines = log_lines(result, "train_inner")
    return {int(line["num_updates"]): {k: line.get(k) for k in keys} for line in lines}


@pytest.fixture(scope="module")
def trained(corpus, tmp_path_factory):
    """A run of 12 updates, with checkpoints at 5 and 10."""
    save_dir = tmp_path_factory.mktemp("trained")
    result = run(*train_command(corpus, save_dir, "--max-update", 12, "--save-interval-updates", 5))
    return save_dir, result


def test_trains_and_logs(trained):
    save_dir, result = trained
    assert len(losses(result)) == 12
    valid = log_lines(result, "valid")[-1]
    for name in ("mlm_loss", "rtd_loss", "cts_loss", "rtd_f1", "rtd_acc", "cts_acc", "no_contrast"):
        assert f"valid_{name}" in valid
    assert 0.1 < float(valid["valid_synonym_share"]) < 0.45
    assert float(valid["valid_antonym_share"]) == pytest.approx(0.2, abs=0.04)
    assert float(valid["valid_mlm_scale"]) != 1
    assert (save_dir / "checkpoint_last.pt").exists()
    assert "fused_adamw: torch AdamW, fused" in result.stdout + result.stderr
    assert "Warning" not in result.stderr


def test_validations_measure_the_same(trained):
    """The held-out texts are rewritten and masked once and for all; the loss has fixed weights."""
    _, result = trained
    lines = log_lines(result, "valid")
    assert len(lines) == 3
    for name in ("synonym_share", "antonym_share", "no_contrast"):
        assert len({line[f"valid_{name}"] for line in lines}) == 1
    assert len({line["valid_mlm_scale"] for line in lines}) > 1
    assert float(lines[-1]["valid_best_loss"]) == min(float(line["valid_loss"]) for line in lines)


def validate_command(corpus, checkpoint, *options):
    return [
        *("fairseq-validate", corpus / "bin", "--user-dir", "cline_fairseq", "--task", "cline"),
        *("--path", checkpoint, "--batch-size", 8, "--log-format", "json", "--cpu"),
        *("--num-workers", 0, *options),
    ]


@pytest.mark.parametrize("precision", [(), ("--bf16",)], ids=["fp32", "bf16"])
def test_validate_logs_what_training_logged(corpus, tmp_path, precision):
    """To the last digit, though scalars were learned and the run has come to another epoch."""
    options = ("--max-update", 20, "--max-valid-steps", 2, "--lr", 0.03, "--batch-size", 64)
    trained = run(*train_command(corpus, tmp_path, *options, "--batch-size-valid", 8, *precision))
    options = ("--max-valid-steps", 2, *precision)
    validated = run(*validate_command(corpus, tmp_path / "checkpoint_last.pt", *options))
    expected, found = (log_lines(result, "valid")[-1] for result in (trained, validated))
    assert int(expected["epoch"]) > 1
    assert float(expected["valid_mlm_scale"]) < 0.99
    assert float(expected["valid_bsz"]) == 8
    of_the_run = {"epoch", "valid_wps", "valid_num_updates", "valid_best_loss"}
    expected = {name: value for name, value in expected.items() if name not in of_the_run}
    assert len(expected) > 15
    assert {name: found.get(name) for name in expected} == expected


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("mlm_los",), "--best-checkpoint-metric mlm_los is not a metric of --criterion cline"),
        (("rtd_f1",), "add --maximize-best-checkpoint-metric"),
    ],
)
def test_best_checkpoint_metric_is_checked_at_the_start(corpus, tmp_path, options, message):
    command = train_command(corpus, tmp_path, "--best-checkpoint-metric", *options)
    result = run(*command, check=False)
    assert result.returncode == 1
    assert message in result.stderr.strip().splitlines()[-1]
    assert "Traceback" not in result.stderr
    assert not losses(result)


def test_checkpoint_holds_nothing_foreign(trained):
    save_dir, _ = trained
    state = torch.load(save_dir / "checkpoint_last.pt", weights_only=True)
    assert {"log_variance.mlm", "log_variance.rtd", "log_variance.cts"} <= set(state["criterion"])


def test_resumed_equals_uninterrupted(corpus, trained, tmp_path):
    """Interrupted at update 5 and resumed, loss by loss, with another number of workers."""
    save_dir, whole = trained
    resumed = run(
        *train_command(corpus, tmp_path, "--max-update", 12, "--num-workers", 2),
        *("--restore-file", save_dir / "checkpoint_1_5.pt"),
    )
    expected = {update: values for update, values in losses(whole).items() if update > 5}
    assert losses(resumed) == expected


@pytest.mark.parametrize(
    "options",
    [
        ["--bf16"],
        ["--memory-efficient-bf16"],
        ["--fp16"],
        ["--memory-efficient-fp16"],
    ],
    ids=" ".join,
)
def test_half_precision_resumes_exactly(corpus, trained, tmp_path, options):
    """Half precision begins as fp32 does, learns, and resumes as if never interrupted."""
    program, *arguments = train_command(corpus, tmp_path, "--max-update", 12, *options)
    if "fp16" in options[0]:
        program = "tests/train_fp16_on_cpu.py"
        # So the scale soon is too large, and changes before and after the interruption.
        arguments += ["--fp16-init-scale", 256, "--fp16-scale-window", 4]
    result = run(program, *arguments, "--save-interval-updates", 5)
    whole, exact = losses(result), losses(trained[1])
    assert len(whole) == 12
    for name in ("loss", "mlm_loss", "rtd_loss", "cts_loss"):
        assert float(whole[1][name]) == pytest.approx(float(exact[1][name]), rel=0.02)
    assert float(whole[12]["mlm_loss"]) < float(whole[1]["mlm_loss"])

    checkpoint = tmp_path / "checkpoint_1_5.pt"
    resumed = run(program, *arguments, "--restore-file", checkpoint, "--no-save")
    keys = ("loss_scale", "mlm_scale", "rtd_scale", "cts_scale", "lr", "clip")
    logs = [log_lines(each, "train_inner")[-7:] for each in (result, resumed)]
    assert losses(resumed) == {update: whole[update] for update in range(6, 13)}
    assert [[line.get(key) for key in keys] for line in logs[0]] == [
        [line.get(key) for key in keys] for line in logs[1]
    ]
    if "fp16" in options[0]:
        assert len({line["loss_scale"] for line in logs[0]}) > 1
        assert "gradient overflow detected" in result.stdout + result.stderr


@pytest.mark.parametrize("option", ["--fp16", "--memory-efficient-fp16", "--amp"])
def test_fp16_without_gpu(corpus, tmp_path, option):
    result = run(*train_command(corpus, tmp_path, "--max-update", 1, option), check=False)
    assert result.returncode == 1
    assert f"error: {option} needs a GPU, and this run has none: use --bf16, or" in result.stderr
    assert "Traceback" not in result.stderr


def test_two_workers_in_bf16(corpus, tmp_path):
    """With negatives from each other, also where the second worker has no batch at the end."""
    task = make_task(corpus)
    task.load_dataset("valid")
    num_texts = len(task.datasets["valid"])
    batch_size = next(n for n in range(num_texts // 4, num_texts) if -(-num_texts // n) % 2)
    options = ("--max-update", 2, "--bf16", "--no-save", "--batch-size-valid", batch_size)
    options += ("--negatives", "both", "--mask-views", "--required-batch-size-multiple", 1)
    program, *arguments = train_command(corpus, tmp_path, *options)
    result = run(
        *("torchrun", "--nproc-per-node", 2, "--standalone", "--no-python"),
        *(BIN / program, *arguments, "--distributed-world-size", 2),
        *("--distributed-backend", "gloo"),
    )
    assert len(losses(result)) == 2
    (*_, valid) = log_lines(result, "valid")
    assert float(valid["valid_views_mlm_loss"]) > 5
    assert float(valid["valid_cts_loss"]) > 1  # many negatives: more than the 1 bit of one


def test_takes_over_from_adam(corpus, tmp_path):
    """A run with fairseq's adam goes on with fused_adamw as one that was never interrupted."""
    adam = ("--optimizer", "adam", "--adam-betas", "(0.9, 0.999)", "--weight-decay", 0.01)
    whole = run(*train_command(corpus, tmp_path / "a", *adam, "--max-update", 8))
    run(*train_command(corpus, tmp_path / "b", *adam, "--max-update", 4))
    result = run(*train_command(corpus, tmp_path / "b", "--max-update", 8))
    assert "Loaded checkpoint" in result.stdout + result.stderr
    found = losses(result)
    assert sorted(found) == [5, 6, 7, 8]
    assert not losses(run(*train_command(corpus, tmp_path / "b", "--max-update", 8)))
    for update, values in found.items():
        for name in ("loss", "gnorm"):
            expected = float(losses(whole)[update][name])
            assert float(values[name]) == pytest.approx(expected, rel=1e-3)


@pytest.mark.slow
def test_killed_at_random_moments(corpus, trained, tmp_path):
    """kill -9 again and again: every file with its name is complete, and no loss differs."""
    _, whole = trained
    expected = losses(whole)
    options = ("--max-update", 12, "--save-interval-updates", 2, "--disable-validation")
    found = {}
    moments = random.Random(0)
    for attempt in range(8):
        log = tmp_path / f"{attempt}.log"
        workers = ("--num-workers", attempt % 3)
        program, *arguments = train_command(corpus, tmp_path / "run", *options, *workers)
        with log.open("w") as out:
            process = subprocess.Popen(
                [str(part) for part in (BIN / program, *arguments)],
                cwd=ROOT,
                env={**os.environ, "OMP_NUM_THREADS": "1"},
                stdout=out,
                stderr=subprocess.STDOUT,
            )
            # Some time after the first update of this attempt, which a file shows.
            while process.poll() is None and "train_inner" not in log.read_text():
                time.sleep(0.01)
            try:
                process.wait(moments.uniform(0, 0.4) if attempt < 6 else None)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for path in (tmp_path / "run").glob("*.pt"):
            torch.load(path)
        found |= losses(log.read_text())
        if process.returncode == 0:
            break
    assert process.returncode == 0
    assert attempt > 0
    for update, values in found.items():
        assert values == expected[update], update
    assert max(found) == 12


def test_shards_are_taken_in_turn(corpus, tmp_path):
    """Two folders, one an epoch; the same folder twice is the same corpus in both."""
    size = sum(1 for line in (corpus / "train.txt").open(encoding="utf-8") if line.strip())
    tool = ("--bpe", "sentencepiece", "--sentencepiece-model", corpus / TOKENIZER)
    for shard in range(2):
        run(
            *("scripts/encode.py", *tool, "--dict", corpus / "dict.txt", "--workers", 1),
            *("--input", corpus / ("valid.txt" if shard else "train.txt"), "--binarize"),
            *("--dest", tmp_path / f"shard{shard}", "--split", "train"),
        )
    for path in (corpus / "bin").glob("valid*"):
        shutil.copy(path, tmp_path / "shard0")
        # A second held-out text, for --combine-valid-subsets.
        shutil.copy(path, tmp_path / "shard0" / path.name.replace("valid", "valid1"))
    program, _, *arguments = train_command(corpus, tmp_path / "run", "--sample-break-mode", "eos")
    data = f"{tmp_path / 'shard0'}:{tmp_path / 'shard1'}"
    options = ("--max-epoch", 3, "--batch-size", 64, "--combine-valid-subsets")
    result = run(program, data, *arguments, *options)
    epochs = [int(line["train_num_updates"]) for line in log_lines(result, "train")]
    first, second, third = np.diff([0, *epochs])
    assert first == third > 5 * second > 0
    assert first >= size // 64
    options = ("--max-epoch", 3, "--batch-size", 64, "--ignore-unused-valid-subsets")
    once = run(program, data, *arguments, *options, "--save-dir", tmp_path / "once")
    combined, alone = (log_lines(r, "valid")[-1] for r in (result, once))
    # Twice the same text, whose rewrites differ.
    assert float(combined["valid_loss"]) == pytest.approx(float(alone["valid_loss"]), rel=0.05)
    assert combined["valid_loss"] != alone["valid_loss"]


def test_two_epochs_resume(corpus, tmp_path):
    """The same across the border of an epoch, where the views change."""
    options = ("--max-epoch", 3, "--batch-size", 64, "--num-workers", 1)
    whole = run(*train_command(corpus, tmp_path / "a", *options))
    run(*train_command(corpus, tmp_path / "b", *options, "--max-epoch", 2))
    resumed = run(*train_command(corpus, tmp_path / "b", *options))
    expected = losses(whole)
    found = losses(resumed)
    assert found
    assert min(found) > 1
    assert found == {update: expected[update] for update in found}


def test_fine_tuning(corpus, trained, tmp_path):
    """fairseq's own sentence_prediction fine-tunes a checkpoint of ours."""
    save_dir, _ = trained
    texts = [text for text in (corpus / "valid.sp").read_text().split("\n") if text][:64]
    labels = ["long" if len(text.split()) > 25 else "short" for text in texts]
    for name, lines in (("input0", texts), ("label", labels)):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        dictionary = ("--srcdict", corpus / "dict.txt") if name == "input0" else ()
        run(
            *("fairseq-preprocess", "--only-source", "--trainpref", tmp_path / name, *dictionary),
            *("--validpref", tmp_path / name, "--destdir", tmp_path / "bin" / name),
        )
    result = run(
        *("fairseq-train", tmp_path / "bin", "--user-dir", "cline_fairseq", "--arch", "cline_tiny"),
        *("--task", "sentence_prediction", "--criterion", "sentence_prediction"),
        *("--num-classes", 2),
        *("--restore-file", save_dir / "checkpoint_last.pt", "--reset-optimizer"),
        *("--reset-dataloader", "--reset-meters", "--optimizer", "adam", "--lr", "3e-3"),
        *("--batch-size", 8, "--max-epoch", 6, "--log-format", "json", "--cpu"),
        *("--save-dir", tmp_path / "tuned", "--no-epoch-checkpoints"),
        *("--init-token", 0, "--separator-token", 2, "--classification-head-name", "length"),
        *("--best-checkpoint-metric", "accuracy", "--maximize-best-checkpoint-metric"),
    )
    assert "sizes from" in result.stdout
    assert "Loaded checkpoint" in result.stdout + result.stderr
    assert float(log_lines(result, "valid")[-1]["valid_accuracy"]) > 70


RESET = ("--reset-optimizer", "--reset-lr-scheduler", "--reset-dataloader", "--reset-meters")


@pytest.mark.parametrize(
    ("start", "extra"),
    [
        (("--finetune-from-model",), ""),
        ((*RESET, "--restore-file"), "madeupword0000 0\nmadeupword0001 0\n<mask> 0\n"),
    ],
    ids=["finetune-from-model", "restore-file"],
)
def test_starts_from_stock_roberta(corpus, tmp_path, start, extra):
    """A checkpoint of fairseq's masked_lm and roberta is where CLINE starts.

    Published dictionaries are filled up with made-up words, or hold <mask>.
    """
    data = tmp_path / "bin"
    shutil.copytree(corpus / "bin", data)
    with (data / "dict.txt").open("a", encoding="utf-8") as dictionary:
        dictionary.write(extra)
    restore = stock_roberta(data, tmp_path / "roberta")
    command = train_command(corpus, tmp_path / "cline", *start, restore)
    command[1] = data
    command += ["--lr", "1e-12", "--disable-validation"]
    assert set(losses(run(*command, "--max-update", 1))) == {1}
    before = torch.load(restore)["model"]
    after = torch.load(tmp_path / "cline" / "checkpoint_last.pt")["model"]
    for name, value in before.items():
        torch.testing.assert_close(after[name], value, atol=1e-6, rtol=1e-5)
    assert {name for name in after if name not in before} == {
        f"encoder.rtd_head.{part}.{kind}"
        for part in ("dense", "layer_norm", "out_proj")
        for kind in ("weight", "bias")
    }
    if "--restore-file" not in start:
        # Started again, the same command goes on from where the run stopped.
        assert set(losses(run(*command, "--max-update", 2))) == {2}


def test_sizes_come_from_the_checkpoint(corpus, trained, tmp_path):
    """Whatever --arch says; and resuming does not need the checkpoint of the start."""
    start = tmp_path / "start.pt"
    shutil.copy(trained[0] / "checkpoint_last.pt", start)
    command = train_command(corpus, tmp_path / "run", "--finetune-from-model", start)
    typed = command.index("--encoder-layers")
    del command[typed : typed + 6]
    command += ["--arch", "cline_large", "--disable-validation"]
    wrong = run(*command, "--encoder-attention-heads", 4, check=False)
    assert wrong.returncode == 1
    assert re.fullmatch(
        rf"error: --encoder-attention-heads is 4, but the checkpoint {start} has 2: leave the "
        "option out to take the checkpoint's\n",
        wrong.stderr[wrong.stderr.index("error:") :],
    )
    hydra = map(str, hydra_command(corpus, None, "small"))
    hydra = [part for part in hydra if not part.startswith("+model.encoder")]
    hydra += [f"checkpoint.finetune_from_model={start}", f"hydra.run.dir={tmp_path / 'hydra'}"]
    wrong = run(*hydra, "+model.encoder_attention_heads=4", check=False)
    assert wrong.returncode == 1
    assert "\nerror: model.encoder_attention_heads is 4, but the checkpoint" in wrong.stderr
    assert "Traceback" not in wrong.stderr
    result = run(*command, "--max-update", 1)
    assert f"sizes from {start}: encoder_layers 1, encoder_embed_dim 32, " in result.stdout
    start.unlink()
    assert set(losses(run(*command, "--max-update", 2))) == {2}


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["c10d", "legacy_ddp"])
def test_two_workers_update_as_one(corpus, tmp_path, backend):
    """Two gloo workers under torchrun give the losses, gradients, weights and metrics of one.

    One worker that accumulates two batches has the same global batch. The epoch ends with an odd
    batch: the second worker has none then.
    """
    task = make_task(corpus, sample_break_mode="eos")
    task.load_dataset("train")
    num_texts = len(task.datasets["train"])
    batch_size = next(n for n in range(num_texts // 6, num_texts) if -(-num_texts // n) % 2)
    options = ("--max-epoch", 1, "--clip-norm", 0, "--optimizer", "sgd")
    options += ("--batch-size", batch_size, "--sample-break-mode", "eos")
    options += ("--dropout", 0, "--attention-dropout", 0, "--required-batch-size-multiple", 1)
    options += ("--lr", 0.5)
    one = run(*train_command(corpus, tmp_path / "one", *options, "--update-freq", 2))
    program, *arguments = train_command(corpus, tmp_path / "two", *options)
    two = run(
        *("torchrun", "--nproc-per-node", 2, "--standalone", "--no-python"),
        *(BIN / program, *arguments, "--distributed-world-size", 2),
        *("--distributed-backend", "gloo", "--ddp-backend", backend),
    )
    (*_, one_valid), (*_, two_valid) = log_lines(one, "valid"), log_lines(two, "valid")
    for name in ("loss", "mlm_loss", "rtd_f1", "cts_acc", "no_contrast", "synonym_share"):
        expected = float(one_valid[f"valid_{name}"])
        assert float(two_valid[f"valid_{name}"]) == pytest.approx(expected, rel=2e-3), name
    one, two = losses(one), losses(two)
    assert len(one) == (-(-num_texts // batch_size) + 1) // 2 > 2
    for update, values in one.items():
        for key, value in values.items():
            assert float(two[update][key]) == pytest.approx(float(value), rel=2e-3), key
    weights = [torch.load(tmp_path / name / "checkpoint_last.pt") for name in ("one", "two")]
    for part in ("model", "criterion"):
        for name, value in weights[0][part].items():
            torch.testing.assert_close(weights[1][part][name], value, atol=1e-5, rtol=1e-4)


CONFIG = ROOT / "examples" / "pretraining" / "config"
ON_CPU = ("common.cpu=true", "common.fp16=false")
SHRUNK = [
    *("common.log_interval=1", "common.log_format=json"),
    *("+model.encoder_layers=1", "+model.encoder_embed_dim=32", "+model.encoder_ffn_embed_dim=64"),
    *("+model.encoder_attention_heads=2", "task.tokens_per_sample=64", "dataset.batch_size=4"),
    *("optimization.max_update=2", "optimization.update_freq=[1]", "dataset.num_workers=0"),
]


def hydra_command(corpus, gpt2_corpus, name):
    """A configuration on the data that fits it, shrunk to this machine."""
    if name == "small":
        data, options = corpus / "bin", {"sentencepiece_model": corpus / TOKENIZER}
    else:
        data, options = gpt2_corpus
        options = {key: value for key, value in options.items() if key != "_name"}
    return [
        *("fairseq-hydra-train", "--config-dir", CONFIG, "--config-name", name),
        *(f"common.user_dir={ROOT / 'cline_fairseq'}", f"task.data={data}", *SHRUNK),
        *(f"bpe.{key}={value}" for key, value in options.items()),
    ]


@pytest.mark.parametrize("name", sorted(path.stem for path in CONFIG.glob("*.yaml")))
def test_hydra(corpus, gpt2_corpus, tmp_path, name):
    """Each configuration starts."""
    run(
        *hydra_command(corpus, gpt2_corpus, name),
        *ON_CPU,
        *(f"checkpoint.save_dir={tmp_path}", f"hydra.run.dir={tmp_path}"),
    )
    assert len(losses((tmp_path / "hydra_train.log").read_text())) == 2
    cfg = torch.load(tmp_path / "checkpoint_last.pt")["cfg"]
    assert cfg["lr_scheduler"]["warmup_updates"] in (500, 5000)
    objective = CONFIG / "objective" / f"{name}.yaml"
    if objective.exists():
        for part, options in OmegaConf.load(objective).items():
            for option, value in options.items():
                assert cfg[part][option] == value, option


def test_hydra_resumes(corpus, gpt2_corpus, tmp_path):
    """The same command goes on, though hydra starts each run in a new folder."""
    command = [*hydra_command(corpus, gpt2_corpus, "small"), *ON_CPU]
    for i, expected in enumerate(([1, 2], [3], []), 1):
        options = (f"hydra.run.dir={tmp_path / str(i)}", f"optimization.max_update={min(i + 1, 3)}")
        run(*command, f"checkpoint.save_dir={tmp_path / 'saved'}", *options)
        assert sorted(losses((tmp_path / str(i) / "hydra_train.log").read_text())) == expected
    # A relative folder is told; a missing checkpoint ends in one sentence.
    options = (f"hydra.run.dir={tmp_path / 'other'}", "checkpoint.save_dir=saved")
    last = f"checkpoint.restore_file={tmp_path / 'saved' / 'checkpoint_last.pt'}"
    run(*command, *options, last, "optimization.max_update=3")
    log = (tmp_path / "other" / "hydra_train.log").read_text()
    assert "checkpoint.save_dir=saved is relative to the folder of this run" in log
    result = run(*command, *options, "checkpoint.restore_file=missing.pt", check=False)
    assert result.returncode == 1
    assert "Traceback" not in result.stderr
    missing = tmp_path / "other" / "missing.pt"
    assert f"\nerror: no checkpoint {missing}: specify the .pt file" in result.stderr


RUN_CONFIGS = sorted(path.stem for path in (CONFIG / "run_config").glob("*.yaml"))


@pytest.mark.parametrize("name", [name for name in RUN_CONFIGS if name.startswith("slurm")])
def test_slurm_submits_again_at_the_time_limit(name):
    """By the options of hydra's launcher itself, which refuse a name that it does not know."""
    from hydra_plugins.hydra_submitit_launcher.config import SlurmQueueConf

    config = OmegaConf.load(CONFIG / "run_config" / f"{name}.yaml")
    launcher = OmegaConf.merge(OmegaConf.structured(SlurmQueueConf), config.hydra.launcher)
    assert launcher.max_num_timeout > 0
    assert launcher.timeout_min > 0


@pytest.mark.parametrize("name", RUN_CONFIGS)
def test_hydra_run_configs(corpus, gpt2_corpus, tmp_path, name):
    """Each way to run starts; that of Slurm through submitit on this machine."""
    command = [*hydra_command(corpus, gpt2_corpus, "base"), f"+run_config={name}"]
    # The launcher for this machine does not know the options of Slurm.
    shutil.copytree(CONFIG, tmp_path / "config")
    config = tmp_path / "config" / "run_config" / f"{name}.yaml"
    lines = config.read_text().splitlines(keepends=True)
    config.write_text("".join(line for line in lines if "max_num_timeout:" not in line))
    command[command.index(CONFIG)] = tmp_path / "config"
    folder = tmp_path
    if name == "local":  # without a GPU, it needs no further options
        command += [f"hydra.run.dir={tmp_path}"]
    else:
        command += ON_CPU
        folder = tmp_path / "0"
        command.insert(1, "--multirun")
        command += ["hydra/launcher=submitit_local", f"hydra.sweep.dir={tmp_path}"]
        command += ["hydra.launcher.nodes=1", "hydra.launcher.gpus_per_node=0"]
        command += ["distributed_training.distributed_world_size=1"]
        command += ["distributed_training.distributed_port=-1"]
    run(*command, f"checkpoint.save_dir={folder / 'checkpoints'}")
    assert (folder / "checkpoints" / "checkpoint_last.pt").exists()
    assert len(losses((folder / "hydra_train.log").read_text())) == 2


def test_hydra_fp16_without_gpu(corpus, gpt2_corpus, tmp_path):
    command = hydra_command(corpus, gpt2_corpus, "small")
    command += [f"checkpoint.save_dir={tmp_path}", f"hydra.run.dir={tmp_path}"]
    result = run(*command, "common.cpu=true", check=False)
    assert result.returncode == 1
    assert "error: --fp16 needs a GPU, and this run has none: use --bf16" in result.stderr
    assert "Traceback" not in result.stderr
    assert "Error executing job" not in result.stderr
