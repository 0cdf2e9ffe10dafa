"""Binarize GLUE's published files for fine-tuning with fairseq.

--glue-dir holds a folder for each task (CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI) with
its files as GLUE publishes them. If there is a diagnostic set (AX/AX.tsv), it becomes MNLI's split
ax. Use the checkpoint's tokenizer and dictionary:

    cline-fairseq glue-preprocess --glue-dir $GLUE_DIR --tasks all --dest glue-bin \\
        --bpe sentencepiece --sentencepiece-model sentencepiece.model --dict dict.txt

With the BPE of GPT-2 and RoBERTa, two tasks:

    cline-fairseq glue-preprocess --glue-dir $GLUE_DIR --tasks RTE,STS-B --dest glue-bin \\
        --bpe gpt2 --gpt2-encoder-json encoder.json --gpt2-vocab-bpe vocab.bpe --dict dict.txt

The result is byte for byte that of fairseq-preprocess on the same text. A folder DEST/TASK appears
only when it is complete; a rerun skips complete folders.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..dictionary import PlainDictionary
from ..errors import InputError, MissingFileError
from ..evaluation.glue.binarizing import GlueJob, binarize
from ..evaluation.glue.tasks import AX, GLUE_TASKS, GlueTask, parse_tasks
from ..preprocessing.manifest import describe_tokenizer, file_digest
from ..tokenizer import Tokenizer, TokenizerFiles
from .options import add_allow_unknown_option, add_tokenizer_options, program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument(
        "--glue-dir",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder with a folder of published files for each task",
    )
    parser.add_argument(
        "--tasks",
        default="all",
        metavar="TASK,...",
        help="tasks to binarize, separated by commas (default: %(default)s)",
    )
    parser.add_argument(
        "--dest", type=Path, required=True, metavar="DIR", help="folder to write to"
    )
    parser.add_argument(
        "--dict", type=Path, required=True, metavar="FILE", help="dictionary of the checkpoint"
    )
    add_tokenizer_options(parser)
    add_allow_unknown_option(parser)
    parser.add_argument(
        "--splits",
        metavar="SPLIT,...",
        help="splits to binarize, separated by commas: train, valid, test, and MNLI's mismatched "
        "sets valid1 and test1 and diagnostic set ax (default: all, and ax if --glue-dir has it)",
    )
    parser.add_argument(
        "--skip-incomplete", action="store_true", help="skip tasks with missing files"
    )
    parser.add_argument(
        "--overwrite", action="store_true", help="replace output of other options or inputs"
    )
    return parser.parse_args(argv)


def parse_splits(text: str | None) -> tuple[str, ...] | None:
    """Parse names of splits, separated by commas; None if ``text`` is None.

    Raises:
        InputError: if there is no such split.
    """
    if text is None:
        return None
    splits = tuple(part.strip() for part in text.split(","))
    known = [*GLUE_TASKS["MNLI"].files, AX]
    for split in splits:
        if split not in known:
            raise InputError(f"no split {split!r}: expected some of {', '.join(known)}")
    return splits


def make_job(args: argparse.Namespace) -> GlueJob:
    """Make the job that the options describe.

    Raises:
        MissingFileError: if a folder or file is missing.
    """
    if not args.glue_dir.is_dir():
        raise MissingFileError(
            f"no folder {args.glue_dir}: pass the folder with a folder for each GLUE task"
        )
    tokenizer = Tokenizer(TokenizerFiles.of(args).config(), PlainDictionary(args.dict))
    return GlueJob(
        glue_dir=args.glue_dir,
        dest=args.dest,
        tokenizer=tokenizer,
        options={
            "tokenizer": describe_tokenizer(tokenizer.config),
            "dictionary": file_digest(args.dict),
        },
        splits=parse_splits(args.splits),
        overwrite=args.overwrite,
        allow_unknown=args.allow_unknown,
    )


def choose_tasks(args: argparse.Namespace, job: GlueJob) -> list[GlueTask]:
    """Choose the tasks to binarize, and report those with missing files.

    Args:
        args: the options of the program.
        job: the job that they describe.

    Raises:
        MissingFileError: if files are missing, unless such tasks are skipped; names all of them.
        InputError: if no task is complete.
    """
    tasks = parse_tasks(args.tasks)
    missing = {task.name: ", ".join(map(str, job.missing_files(task))) for task in tasks}
    missing = {name: paths for name, paths in missing.items() if paths}
    if missing and not args.skip_incomplete:
        are = "is" if len(missing) == 1 else "are"
        listed = "; ".join(f"{name}: no {paths}" for name, paths in missing.items())
        raise MissingFileError(
            f"{', '.join(missing)} {are} incomplete ({listed}): download what is missing, or skip "
            "such tasks with --skip-incomplete"
        )
    for name, paths in missing.items():
        print(f"{name}: skipped, no {paths}", file=sys.stderr)
    complete = [task for task in tasks if task.name not in missing]
    if not complete:
        raise InputError(f"no task of {args.tasks} is complete: nothing to do")
    return complete


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    job = make_job(args)
    for task in choose_tasks(args, job):
        with tqdm(unit=" texts", unit_scale=True, desc=task.name) as bar:
            counts, made = binarize(task, job, bar.update)
        for split, count in counts.items():
            unknown = 100 * count["unknown"] / max(count["tokens"], 1)
            left_out = (
                f", {count['left_out']:,} malformed rows skipped" if count["left_out"] else ""
            )
            print(
                f"{task.name} {split}: {count['examples']:,} examples, {count['tokens']:,} tokens, "
                f"{unknown:.3f} % unknown{left_out}{'' if made else ' (complete already)'}"
            )
