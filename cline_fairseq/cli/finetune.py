"""Fine-tune a checkpoint on a task of your own, with several seeds, and score it on the dev set.

The files are TSV, CSV (.csv), JSON lines (.jsonl, .ndjson or .json) or Parquet (.parquet), with
columns of any names, or folders with a folder or a file for each label. The tokenizer and the
dictionary are the checkpoint's:

    cline-fairseq finetune --checkpoint checkpoints/checkpoint_best.pt --save runs/cline/IMDb \\
        --train train.csv --valid dev.csv --test test.csv --text-column review --seeds 1,2,3

Pairs of texts with numbers as labels; a file without a header, some of whose rows are drawn as dev
set; folders with a text in each file, as those of IMDb; rows to leave out:

    cline-fairseq finetune --checkpoint roberta.base/model.pt --save runs/roberta/SICK \\
        --train train.tsv --valid dev.tsv --text-column sentence_A --text2-column sentence_B \\
        --label-column relatedness_score --regression
    cline-fairseq finetune --checkpoint roberta.base/model.pt --save runs/roberta/AG-News \\
        --train train.csv --hold-out valid=0.05 --test test.csv \\
        --columns label,title,description --text-column title --text2-column description
    cline-fairseq finetune --checkpoint roberta.base/model.pt --save runs/roberta/IMDb \\
        --train aclImdb/train --hold-out valid=0.1 --test aclImdb/test --skip-label unsup \\
        --replace-breaks
    cline-fairseq finetune --checkpoint roberta.base/model.pt --save runs/roberta/SNLI \\
        --train train.jsonl --valid dev.jsonl --text-column sentence1 --text2-column sentence2 \\
        --label-column gold_label --skip-label=-

Of several learning rates (--lr 1e-5,2e-5,3e-5), the one with the best dev scores is chosen.

SAVE/data holds the binarized files. SAVE/seedN (SAVE/lr-LR/seedN, if there are several rates) holds
the best checkpoint, result.json with the metrics and predictions.valid.tsv, as with glue-finetune.
The test file is predicted with the best checkpoint (of the chosen rate), and scored if it has
labels. The same command can be rerun: it resumes interrupted runs and skips finished ones. Unknown
options are passed on to fairseq-train.
"""

import argparse
import codecs
import logging
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from ..atomic_io import require_file
from ..checkpoint_files import Record, checkpoint_file, dictionary_path, find_files
from ..errors import InputError
from ..evaluation.finetuning.kept_settings import identity_of
from ..evaluation.finetuning.own_data import OwnJob, binarize_own, describe_options
from ..evaluation.finetuning.own_task import OwnFiles, read_task
from ..evaluation.finetuning.recorded_tokenizer import tokenizer_options
from ..evaluation.finetuning.running import Experiment, show_truncated, summary_line
from ..evaluation.finetuning.sweep import require_layout
from ..evaluation.finetuning.testing import score_test
from ..evaluation.glue.settings import SETTINGS, require_dictionary, require_divisible
from ..evaluation.glue.tasks import GLUE_TASKS
from ..tokenizer import Tokenizer, TokenizerFiles
from .finetune_options import (
    add_finetuning_options,
    machine_of,
    parse_finetuning_args,
    run_all,
    settings_of,
)
from .options import (
    add_allow_unknown_option,
    add_named_columns_options,
    add_quoting_option,
    add_recorded_options,
    program_parser,
    require_files,
)

if TYPE_CHECKING:
    from ..checkpoint import ModelDescription  # imports torch, which takes seconds

_DEFAULTS = SETTINGS["RTE"]


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__, allow_abbrev=False)
    files = parser.add_argument_group("files")
    for name, what in (
        ("train", "to train on"),
        ("valid", "to choose the best checkpoint with"),
        ("test", "to predict, with labels or without them"),
    ):
        files.add_argument(
            f"--{name}",
            type=Path,
            required=name == "train",
            metavar="PATH",
            help=f"file or folder with examples {what}",
        )
    files.add_argument(
        "--hold-out",
        type=_parse_held_out,
        default={},
        metavar="SPLIT=FRACTION,...",
        help="draw valid, test or both at random from the training examples, e.g. valid=0.1; the "
        "draw is the same for all seeds (default: none)",
    )
    add_named_columns_options(files)
    files.add_argument(
        "--regression", action="store_true", help="labels are numbers instead of classes"
    )
    files.add_argument(
        "--skip-label",
        action="append",
        default=[],
        metavar="LABEL",
        help="leave out rows with this label, e.g. --skip-label=-; repeat for more labels",
    )
    files.add_argument(
        "--columns",
        type=_parse_columns,
        metavar="NAME,...",
        help="names of all columns, for TSV and CSV files without a header (default: their first "
        "line)",
    )
    add_quoting_option(files, "TSV and CSV files")
    files.add_argument(
        "--encoding",
        type=_parse_encoding,
        default="utf-8",
        metavar="NAME",
        help="encoding of the files, e.g. latin-1 (default: %(default)s)",
    )
    files.add_argument(
        "--replace-breaks", action="store_true", help="replace <br /> in texts by a space"
    )
    files.add_argument(
        "--name", help="name of the task in results and tables (default: that of the --save folder)"
    )
    tokens = parser.add_argument_group("tokenizer")
    add_recorded_options(tokens, "folder with the checkpoint's dictionary")
    add_allow_unknown_option(tokens)
    add_finetuning_options(
        parser.add_argument_group("runs"), f"{_DEFAULTS.lr:g}", str(_DEFAULTS.batch_size)
    )
    args = parse_finetuning_args(parser, argv)
    for name in ("valid", "test"):
        if name in args.hold_out and getattr(args, name) is not None:
            parser.error(f"--{name} and --hold-out {name}=... exclude each other")
    if args.valid is None and "valid" not in args.hold_out:
        parser.error("pass --valid, or --hold-out valid=0.1 to draw it from the training examples")
    return args


def _parse_held_out(text: str) -> dict[str, float]:
    try:
        pairs = [part.split("=") for part in text.split(",")]
        fractions = {name: float(fraction) for name, fraction in pairs}
        is_part = all(fraction > 0 for fraction in fractions.values())
        if not ({*fractions} <= {"valid", "test"} and is_part and sum(fractions.values()) < 1):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected valid=FRACTION, test=FRACTION or both, with a sum below 1, not {text!r}"
        ) from None
    return fractions


def _parse_encoding(text: str) -> str:
    try:
        return codecs.lookup(text).name
    except LookupError:
        raise argparse.ArgumentTypeError(
            f"no encoding {text!r}: use a name such as latin-1"
        ) from None


def _parse_columns(text: str) -> tuple[str, ...]:
    columns = tuple(text.split(","))
    if not all(columns) or len(set(columns)) < len(columns):
        raise argparse.ArgumentTypeError(
            f"expected different names separated by commas, not {text!r}"
        )
    return columns


def files_of(args: argparse.Namespace) -> OwnFiles:
    """Combine the options that describe the files."""
    paths = {name: getattr(args, name) for name in ("train", "valid", "test")}
    texts = (args.text_column, *([args.text2_column] if args.text2_column else []))
    return OwnFiles(
        {name: path for name, path in paths.items() if path is not None},
        texts,
        args.label_column,
        args.regression,
        args.quoting,
        args.columns,
        tuple(args.skip_label),
        args.encoding,
        args.replace_breaks,
        args.hold_out,
    )


def name_of(args: argparse.Namespace) -> str:
    """Return the name of the task.

    Raises:
        InputError: if it is that of a GLUE task, whose results it would be mixed up with.
    """
    name = args.name or args.save.resolve().name
    if not name.isprintable() or name in GLUE_TASKS:
        raise InputError(
            f"{name!r} cannot be the name of a task of your own, as GLUE's names cannot: pass "
            "another with --name"
        )
    return name


def find_tokenizer_of(
    args: argparse.Namespace, checkpoint: Path, model: "ModelDescription"
) -> tuple[Path, Tokenizer]:
    """Find the dictionary and the tokenizer of the checkpoint.

    Returns:
        path of the dictionary, and the tokenizer.

    Raises:
        MissingFileError: if they cannot be found.
        InputError: if they do not fit the checkpoint, or each other.
    """
    from ..checkpoint import read_checkpoint

    record = Record.of(read_checkpoint(checkpoint)["cfg"])
    data, files = find_files(checkpoint, record, args.data, TokenizerFiles.of(args))
    path = dictionary_path(data, record.is_classifier)
    advice = "pass the folder with the dictionary of the checkpoint (--data)"
    dictionary = require_dictionary(path, model, checkpoint, advice)
    return path, Tokenizer(files.config(), dictionary)


def make_experiment(args: argparse.Namespace) -> Experiment:
    """Check the options and files, binarize these, and combine all into an experiment.

    Raises:
        MissingFileError: if a file is missing.
        InputError: if files, checkpoint or options do not fit each other. Nothing is written then.
    """
    require_layout(args.save, args.lr or [])
    checkpoint, name = checkpoint_file(args.checkpoint), name_of(args)
    require_files(args)
    files = files_of(args)
    for path in files.paths.values():
        if not path.is_dir():
            require_file(path, "expected TSV, CSV, JSON lines, Parquet, or a folder of texts")
    task, examples = read_task(name, files)
    from ..checkpoint import describe_model  # imports torch, which takes seconds

    machine = machine_of(args)
    model = describe_model(checkpoint, args.arch or _DEFAULTS.arch)
    settings = settings_of(args, _DEFAULTS, machine, model.width)
    require_divisible(settings, machine)
    dictionary, tokenizer = find_tokenizer_of(args, checkpoint, model)
    options = describe_options(files, tokenizer, dictionary)
    job = OwnJob(args.save, files, examples, tokenizer, options, args.allow_unknown)
    with tqdm(unit=" texts", unit_scale=True, desc=name) as bar:
        counts, _ = binarize_own(task, job, bar.update)
    for split, count in counts.items():
        left_out = f", {count['left_out']:,} rows left out" if count["left_out"] else ""
        print(f"{name} {split}: {count['examples']:,} examples{left_out}")
    data, checkpoint = job.folder(task).resolve(), checkpoint.resolve()
    show_truncated(data, ("valid", "train", "test"), model.max_positions)
    return Experiment(
        task,
        data,
        checkpoint,
        settings,
        model,
        machine,
        identity_of(name, checkpoint, data),
        tuple(tokenizer_options(checkpoint, data, args.extra)),
    )


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    logging.disable(logging.INFO)  # fairseq logs what it loads
    args = _parse_args(argv)
    experiment = make_experiment(args)
    for folder, result, chosen in run_all(args, experiment):
        if "test" not in files_of(args).splits:
            continue
        scored = score_test(chosen, folder, result)
        if scored is not result:
            metrics = {"test": scored["metrics"]["test"]}
            print(summary_line({**scored, "metrics": metrics}))
