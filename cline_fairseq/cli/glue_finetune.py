"""Fine-tune a checkpoint on a GLUE task, with several seeds, and score it on the dev set.

The checkpoint is a CLINE model of any size, a RoBERTa model as published or trained with fairseq,
or one that was fine-tuned on another task. The data come from cline-fairseq glue-preprocess:

    cline-fairseq glue-finetune --task RTE --data glue-bin/RTE --save runs/cline/RTE \\
        --checkpoint checkpoints/checkpoint_best.pt --seeds 1,2,3

With settings other than RoBERTa's; unknown options are passed on to fairseq-train:

    cline-fairseq glue-finetune --task CoLA --data glue-bin/CoLA --save runs/roberta/CoLA \\
        --checkpoint roberta.base/model.pt --lr 2e-5 --batch-size 32 --max-epoch 3 --clip-norm 1

Of several learning rates, the one with the best dev scores, in the mean over the seeds, is chosen:

    cline-fairseq glue-finetune --task MRPC --data glue-bin/MRPC --save runs/cline/MRPC \\
        --checkpoint checkpoints/checkpoint_best.pt --lr 1e-5,2e-5,3e-5 --seeds 1,2,3

SAVE/seedN (SAVE/lr-LR/seedN, if there are several rates) holds the best checkpoint, result.json
with the metrics over the whole dev set, and the predictions. The same command can be rerun: it
resumes interrupted runs and skips finished ones. --predict test also writes the files for the
leaderboard, to the folder test beside them; --predict test,ax also AX.tsv, MNLI's predictions for
GLUE's diagnostic set.
"""

import argparse
import logging
from collections.abc import Sequence
from pathlib import Path

from ..checkpoint_files import checkpoint_file
from ..evaluation.finetuning.kept_settings import identity_of
from ..evaluation.finetuning.leaderboard import splits_to_predict, write_test_files
from ..evaluation.finetuning.recorded_tokenizer import tokenizer_options
from ..evaluation.finetuning.running import Experiment, show_truncated
from ..evaluation.finetuning.sweep import require_layout
from ..evaluation.glue.settings import SETTINGS, require_data, require_splits
from ..evaluation.glue.tasks import AX, GLUE_TASKS
from .finetune_options import (
    add_finetuning_options,
    machine_of,
    parse_finetuning_args,
    run_all,
    settings_of,
)
from .options import program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__, allow_abbrev=False)
    parser.add_argument(
        "--task",
        choices=list(GLUE_TASKS),
        required=True,
        metavar="TASK",
        help="name of the task: %(choices)s",
    )
    parser.add_argument(
        "--data", type=Path, required=True, metavar="DIR", help="folder with the binarized task"
    )
    add_finetuning_options(parser, *["RoBERTa's for the task"] * 2)
    parser.add_argument(
        "--predict",
        type=_parse_predict,
        default=[],
        metavar="SET,...",
        help="also write the files for the leaderboard: test, for MNLI also ax",
    )
    return parse_finetuning_args(parser, argv)


def _parse_predict(text: str) -> list[str]:
    names = text.split(",")
    if not {*names} <= {"test", AX}:
        raise argparse.ArgumentTypeError(f"expected test, ax or test,ax, not {text!r}")
    return names


def make_experiment(args: argparse.Namespace) -> Experiment:
    """Check the options, and combine them into an experiment.

    Raises:
        MissingFileError: if a file is missing.
        InputError: if data, checkpoint or options do not fit each other.
    """
    require_layout(args.save, args.lr or [])
    glue_task = GLUE_TASKS[args.task]
    checkpoint = checkpoint_file(args.checkpoint)
    require_splits(glue_task, args.data)
    splits_to_predict(glue_task, args.predict, args.data)  # raises errors before the work
    from ..checkpoint import describe_model  # imports torch, which takes seconds

    machine = machine_of(args)
    model = describe_model(checkpoint, args.arch or SETTINGS[args.task].arch)
    settings = settings_of(args, SETTINGS[args.task], machine, model.width)
    require_data(glue_task, args.data, model, checkpoint)
    data, checkpoint = args.data.resolve(), checkpoint.resolve()
    identity = identity_of(glue_task.name, checkpoint, data)
    tokenizer = tokenizer_options(checkpoint, data, args.extra)
    show_truncated(data, (*glue_task.valid_splits, "train"), model.max_positions)
    return Experiment(
        glue_task, data, checkpoint, settings, model, machine, identity, tuple(tokenizer)
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    experiment = make_experiment(args)
    for folder, _, chosen in run_all(args, experiment):
        splits = splits_to_predict(GLUE_TASKS[args.task], args.predict, chosen.data)
        write_test_files(GLUE_TASKS[args.task], chosen.data, folder, splits)
