#!/usr/bin/env python3
"""Train the presets of the objective side by side, and `matched` with each part taken away.

All runs see the same corpus for the same number of updates, with about the same number of encoder
tokens per update, from the same seed. Then they are measured on the same held-out text: masked LM
on the same masks, each objective's own metrics at the last validation, and Hits on clean sentences.

    python scripts/compare_objectives.py --data data-bin --bpe sentencepiece \\
        --sentencepiece-model vocabulary/sentencepiece.model --sentences sentences.txt \\
        --dest objectives

The results are DEST/objectives.md, a table, and DEST/objectives.json. The same command can be
rerun: it resumes interrupted runs and skips complete ones. --arms selects some of the runs.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
import logging
import os
import subprocess
import sys
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from cline_fairseq.atomic_io import (
    atomic_write,
    make_folder,
    require_file,
    require_text,
    write_json,
)
from cline_fairseq.cli.options import add_tokenizer_options
from cline_fairseq.errors import InputError, show_input_errors_plainly
from cline_fairseq.runtime.child_failures import require_success
from cline_fairseq.runtime.children import started, stop_all
from cline_fairseq.runtime.locking import alone
from cline_fairseq.runtime.markdown import markdown_table
from cline_fairseq.tokenizer import TokenizerFiles
from cline_fairseq.training.logs import parse_line, read_log
from objectives.arms import Arm, all_arms, as_arguments, choose_arms

WARMUP = 0.1  # of the updates
LOGGED = (  # of the last validation, by the objective's own views
    *("rtd_f1", "cts_acc", "edits_acc", "length_acc"),
    *("mlm_scale", "rtd_scale", "cts_scale"),
)
HITS = {"cls": "cls_cosine", "mean": "mean_cosine"}  # columns of Hits, at the last layer
EDITS = ("matched", "paper")


def train_command(args, arm: Arm) -> list[str]:
    """The command of fairseq-train of one arm."""
    options = {
        **TokenizerFiles.of(args).given(),
        "user_dir": Path(__file__).resolve().parents[1] / "cline_fairseq",
        "task": arm.task,
        "criterion": arm.task,
        "arch": "cline_tiny",
        "encoder_layers": args.layers,
        "encoder_attention_heads": 4,
        "max_positions": args.tokens_per_sample,
        "dropout": 0,
        "attention_dropout": 0,
        "sample_break_mode": "complete",
        "tokens_per_sample": args.tokens_per_sample,
        "batch_size": args.rows // arm.num_rows,
        "required_batch_size_multiple": 1,  # fairseq would round the batch size down to 8
        "optimizer": "fused_adamw",
        "lr": args.lr,
        "clip_norm": 1,
        "lr_scheduler": "polynomial_decay",
        "warmup_updates": round(WARMUP * args.updates),
        "total_num_update": args.updates,
        "max_update": args.updates,
        "seed": args.seed,
        "num_workers": 1,
        "save_dir": args.dest / arm.folder,
        "no_epoch_checkpoints": True,
        "save_interval_updates": max(args.updates // 4, 1),
        "keep_interval_updates": 1,
        "validate_interval_updates": args.updates,
        "log_format": "json",
        "log_interval": max(args.updates // 50, 1),
        **arm.options,
    }
    return ["fairseq-train", str(args.data), *as_arguments(options)]


def claim(args, arm: Arm) -> None:
    """Write the command of an arm to its folder.

    Raises:
        InputError: if the folder holds a run of another command.
    """
    folder = args.dest / arm.folder
    command = train_command(args, arm)
    path = folder / "command.txt"
    text = "\n".join(command) + "\n"
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise InputError(
            f"{folder} holds a run with other options: pass another --dest, or remove the folder"
        )
    folder.mkdir(parents=True, exist_ok=True)
    with atomic_write(path) as part:
        part.write_text(text, encoding="utf-8")


def train(args, arm: Arm, bar: tqdm) -> None:
    """Train one arm, unless it is complete; log to its folder.

    Raises:
        InputError: if fairseq-train fails.
    """
    log = args.dest / arm.folder / "train.log"
    done = int(last_update(log))
    bar.update(done)
    if done >= args.updates:
        return
    program, *arguments = train_command(args, arm)
    threads = str(max((os.cpu_count() or 1) // args.jobs, 1))
    environment = {**os.environ, "OMP_NUM_THREADS": threads, "PYTHONWARNINGS": "ignore"}
    last_lines = deque(maxlen=20)
    with (
        log.open("a", encoding="utf-8") as file,
        started(
            [str(Path(sys.executable).parent / program), *arguments],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        ) as process,
    ):
        for line in process.stdout:
            file.write(line)
            file.flush()
            last_lines.append(line)
            kind, values = parse_line(line)
            if kind == "train_inner" and values["num_updates"] > done:
                bar.update(int(values["num_updates"]) - done)
                done = int(values["num_updates"])
    require_success(process.returncode, f"the run {arm.name!r}", last_lines, log)


def last_update(log: Path) -> float:
    """The update of the last validation in a log; 0 if there is none."""
    if not log.is_file():
        return 0
    with log.open(encoding="utf-8", errors="replace") as lines:
        parsed = map(parse_line, lines)
        return max((v["num_updates"] for kind, v in parsed if kind == "valid"), default=0)


def train_all(args, arms: list[Arm]) -> None:
    """Train the arms, ``--jobs`` of them at a time."""
    with (
        tqdm(total=len(arms) * args.updates, desc="training", unit="update") as bar,
        ThreadPoolExecutor(args.jobs) as pool,
    ):
        runs = [pool.submit(train, args, arm, bar) for arm in arms]
        try:
            for run in runs:
                run.result()
        except BaseException as error:
            pool.shutdown(wait=False, cancel_futures=True)  # before a thread takes the next one
            if isinstance(error, KeyboardInterrupt):
                stop_all()
            raise


def encoder_tokens(log: list[dict[str, float]]) -> float:
    """Count the tokens that the encoder read in training, from the logged means of intervals.

    An interrupted run has logged some updates twice; they count once.
    """
    mean_of = {values["num_updates"]: values["wpb"] for values in log}
    total, last = 0.0, 0.0
    for update, mean in sorted(mean_of.items()):
        total, last = total + mean * (update - last), update
    return total


def measure(args, arms: list[Arm]) -> list[dict]:
    """Measure the figures of each arm."""
    from cline_fairseq.inference import Predictor  # imports torch, which takes seconds
    from objectives.held_out import build_task, masked_lm_bits, words_alone

    files = TokenizerFiles.of(args)
    config, options = files.config(), files.given()
    tokens = args.tokens_per_sample
    common = build_task(str(args.data), config, tokens)
    triples = {edits: make_triples_of(args.sentences, edits) for edits in EDITS}
    figures = []
    for arm in tqdm(arms, desc="measuring", unit="run"):
        folder = args.dest / arm.folder
        predictor = Predictor.from_checkpoint(folder, args.data, device="cpu", **options)
        log = read_log(folder / "train.log")
        last = log["valid"][-1]
        row = {"name": arm.name, "mlm_bits": masked_lm_bits(predictor.model, common)}
        if arm.task == "cline":
            row |= {name: last[name] for name in LOGGED}
            views = {k: v for k, v in arm.options.items() if hasattr(common.cfg, k)}
            row["words_alone"] = words_alone(build_task(str(args.data), config, tokens, **views))
        for edits in EDITS:
            row |= {f"hits_{edits}_{k}": v for k, v in hits(predictor, triples[edits]).items()}
            row[f"triples_{edits}"] = len(triples[edits])
        row["encoder_tokens"] = encoder_tokens(log["train_inner"])
        figures.append(row)
    return figures


def make_triples_of(path: Path, edits: str) -> list:
    """Sentences with their rewrites, as scripts/evaluate_hits.py makes them by default."""
    from cline_fairseq.evaluation.triples import make_triples
    from cline_fairseq.rewriting import Lexicon, Rewriter, Tagger
    from cline_fairseq.utf8 import decode_lines

    rewriter = Rewriter(Lexicon.load("en"), Tagger.load("en"), match_edits=edits == "matched")
    triples, left_out = make_triples(decode_lines(path.read_bytes(), str(path)), rewriter)
    if not triples:
        raise InputError(f"{path} contains no sentence that can be rewritten: use English text")
    tqdm.write(
        f"Hits, {edits} edits: {len(triples):,} triples; {left_out:,} sentences were left out, "
        "without a replacement in a view"
    )
    return triples


def hits(predictor, triples: list) -> dict[str, dict[str, float]]:
    """Hits at the last layer with their intervals, by <s> and by the mean of tokens."""
    import numpy as np

    from cline_fairseq.evaluation.bootstrap import bootstrap_shares
    from cline_fairseq.evaluation.hits import evaluate_hits
    from cline_fairseq.evaluation.similarities import SIMILARITY_FUNCTIONS

    columns = [list(SIMILARITY_FUNCTIONS).index(name) for name in HITS.values()]
    wins = evaluate_hits(predictor, triples)[:, -1, columns]
    shares = bootstrap_shares(wins, np.ones_like(wins))
    return {name: share.as_dict() for name, share in zip(HITS, shares, strict=True)}


def objectives_table(figures: list[dict]) -> str:
    """Compare the runs in a Markdown table."""

    def number(row, name, digits):
        return f"{row[name]:.{digits}f}" if name in row else ""

    def percent(row, name):
        share = row[name]
        half = (share["high"] - share["low"]) / 2
        return f"{100 * share['value']:.1f} ± {100 * half:.1f}"

    header = ["objective", "MLM, bits", "RTD F1", "cts_acc", "edits_acc", "length_acc"]
    header += ["words alone", *(f"Hits {edits}, {name}" for edits in EDITS for name in HITS)]
    header += ["weights MLM, RTD, contrast", "million tokens"]
    rows = []
    for row in figures:
        scales = [number(row, f"{name}_scale", 2) for name in ("mlm", "rtd", "cts")]
        cells = [row["name"], number(row, "mlm_bits", 2)]
        cells += [number(row, name, 3) for name in ("rtd_f1", "cts_acc", "edits_acc", "length_acc")]
        cells += [number(row, "words_alone", 3)]
        cells += [percent(row, f"hits_{edits}_{name}") for edits in EDITS for name in HITS]
        cells += [", ".join(filter(None, scales)), f"{row['encoder_tokens'] / 1e6:.2f}"]
        rows.append(cells)
    return markdown_table(header, rows)


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--data",
        type=Path,
        required=True,
        metavar="DIR",
        help="binarized corpus with the splits train and valid",
    )
    add_tokenizer_options(parser)
    parser.add_argument(
        "--sentences",
        type=Path,
        required=True,
        metavar="FILE",
        help="text to measure Hits on, one sentence per line",
    )
    parser.add_argument(
        "--dest", type=Path, required=True, metavar="DIR", help="folder to write to"
    )
    parser.add_argument(
        "--arms",
        nargs="+",
        metavar="NAME",
        help=f"some of: {'; '.join(arm.name for arm in all_arms())} (default: all)",
    )
    numbers = {
        "layers": (2, "number of layers in the encoder, which is 128 wide"),
        "tokens-per-sample": (128, "maximum number of tokens in a row"),
        "rows": (48, "number of rows that the encoder reads per update, counting all views"),
        "updates": (1000, "number of updates in each run"),
        "seed": (1, "random seed"),
        "jobs": (2, "number of runs at a time, which share the cores"),
    }
    for name, (default, meaning) in numbers.items():
        parser.add_argument(
            f"--{name}",
            type=int,
            default=default,
            metavar="N",
            help=f"{meaning} (default: {default})",
        )
    parser.add_argument(
        "--lr", type=float, default=1e-3, metavar="LR", help="learning rate (default: %(default)s)"
    )
    args = parser.parse_args()
    for name in numbers:
        if getattr(args, name.replace("-", "_")) < 1:
            parser.error(f"--{name} must be at least 1")
    if args.rows % 12:
        parser.error("--rows must be a multiple of 12, as texts have one, three or four rows")
    return args


def main():
    show_input_errors_plainly()
    args = parse_args()
    args.data, args.dest = args.data.resolve(), args.dest.resolve()
    require_file(args.data / "dict.txt", "pass the folder that scripts/encode.py wrote (--data)")
    require_text(args.sentences)
    TokenizerFiles.of(args).config()
    arms = choose_arms(args.arms)
    make_folder(args.dest)
    with ExitStack() as stack:
        for arm in arms:
            stack.enter_context(alone(args.dest / arm.folder))
            claim(args, arm)
        train_all(args, arms)
        logging.disable(logging.INFO)  # fairseq logs what it loads
        figures = measure(args, arms)
    table = objectives_table(figures)
    with atomic_write(args.dest / "objectives.md") as part:
        part.write_text(table, encoding="utf-8")
    write_json(args.dest / "objectives.json", figures)
    print(f"\n{table}")


if __name__ == "__main__":
    main()
