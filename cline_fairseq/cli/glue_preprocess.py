"""Prepare GLUE's tasks for fine-tuning: from the published files to what fairseq reads.

DIR holds a folder for each task (CoLA, SST-2, MRPC, STS-B, QQP, MNLI, QNLI, RTE, WNLI) with its
files as GLUE publishes them. Tokenizer and dictionary are those of the checkpoint:

    cline-fairseq glue-preprocess --glue-dir $GLUE_DIR --tasks all --dest glue-bin \\
        --bpe sentencepiece --sentencepiece-model sentencepiece.model --dict dict.txt

With the BPE of GPT-2 and RoBERTa, two tasks:

    cline-fairseq glue-preprocess --glue-dir $GLUE_DIR --tasks RTE,STS-B --dest glue-bin \\
        --bpe gpt2 --gpt2-encoder-json encoder.json --gpt2-vocab-bpe vocab.bpe --dict dict.txt

The result is byte for byte that of fairseq-preprocess on the same text. A folder OUT/TASK appears
when it is complete; a rerun leaves complete ones alone.
"""

import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from ..dictionary import PlainDictionary
from ..errors import InputError, MissingFileError
from ..evaluation.glue.binarizing import GlueJob, binarize
from ..evaluation.glue.tasks import TASKS, parse_tasks
from ..preprocessing.manifest import file_digest
from ..tokenizer import FILES, Tokenizer, TokenizerFiles
from .options import add_allow_unknown_option, add_tokenizer_options, program_parser


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    parser.add_argument("--glue-dir", type=Path, required=True, help="folder with the raw files")
    parser.add_argument("--tasks", default="all", help="all, or names with commas between")
    parser.add_argument("--dest", type=Path, required=True, help="folder to write to")
    parser.add_argument("--dict", type=Path, required=True, help="dictionary of the checkpoint")
    add_tokenizer_options(parser)
    add_allow_unknown_option(parser)
    parser.add_argument(
        "--splits",
        help="make these only, with commas between: train, valid, test, and of MNLI valid1 and "
        "test1, which are the mismatched ones",
    )
    parser.add_argument(
        "--skip-incomplete", action="store_true", help="leave out tasks that lack files"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace other output")
    return parser.parse_args(argv)


def parse_splits(text: str | None) -> tuple[str, ...] | None:
    """The names of splits."""
    if text is None:
        return None
    splits = tuple(part.strip() for part in text.split(","))
    known = list(TASKS["MNLI"].files)
    for split in splits:
        if split not in known:
            raise InputError(f"no split {split!r}: give some of {', '.join(known)}")
    return splits


def make_job(args) -> GlueJob:
    """The job that the options describe."""
    if not args.glue_dir.is_dir():
        raise MissingFileError(
            f"no folder {args.glue_dir}: give the folder that holds those of GLUE's tasks"
        )
    files = TokenizerFiles.of(args)
    tokenizer = Tokenizer(files.config(), PlainDictionary(args.dict))
    model = [Path(path) for name, path in files.given().items() if name in FILES[args.bpe]]
    return GlueJob(
        glue_dir=args.glue_dir,
        dest=args.dest,
        tokenizer=tokenizer,
        options={
            "tokenizer": [args.bpe, *map(file_digest, model)],
            "dictionary": file_digest(args.dict),
        },
        splits=parse_splits(args.splits),
        overwrite=args.overwrite,
        allow_unknown=args.allow_unknown,
    )


def chosen_tasks(args, job):
    """The tasks to make; those that lack files are reported, and end the run unless skipped.

    Raises:
        MissingFileError: naming all files that are missing.
        InputError: if no task is complete.
    """
    tasks = parse_tasks(args.tasks)
    missing = {task.name: ", ".join(map(str, job.missing_files(task))) for task in tasks}
    missing = {name: paths for name, paths in missing.items() if paths}
    if missing and not args.skip_incomplete:
        are = "is" if len(missing) == 1 else "are"
        listed = "; ".join(f"{name}: no {paths}" for name, paths in missing.items())
        raise MissingFileError(
            f"{', '.join(missing)} {are} incomplete ({listed}): download what is missing, or leave "
            "such tasks out with --skip-incomplete"
        )
    for name, paths in missing.items():
        print(f"{name}: skipped, no {paths}", file=sys.stderr)
    complete = [task for task in tasks if task.name not in missing]
    if not complete:
        raise InputError(f"no task of {args.tasks} is complete: there is nothing to do")
    return complete


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    job = make_job(args)
    for task in chosen_tasks(args, job):
        with tqdm(unit=" texts", unit_scale=True, desc=task.name) as bar:
            counts, made = binarize(task, job, bar.update)
        for split, count in counts.items():
            unknown = 100 * count["unknown"] / max(count["tokens"], 1)
            left_out = f", {count['left_out']:,} broken rows left out" if count["left_out"] else ""
            print(
                f"{task.name} {split}: {count['examples']:,} examples, {count['tokens']:,} tokens, "
                f"{unknown:.3f} % unknown{left_out}{'' if made else ' (complete already)'}"
            )
