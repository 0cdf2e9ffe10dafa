"""Options that the programs for fine-tuning share, and the settings that they stand for."""

import argparse
import json
import math
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ..atomic_io import make_folder
from ..errors import InputError
from ..evaluation.finetuning.kept_settings import SETTINGS_FILE
from ..evaluation.finetuning.running import Experiment, run_seed, summary_line
from ..evaluation.finetuning.sweep import choose_rate, experiments_of
from ..evaluation.glue.settings import PRECISIONS, SETTINGS, Machine, Settings, rate_for_width
from ..runtime.precision import AUTO, choose_precision
from .options import Options

_DEFAULTS = SETTINGS["RTE"]  # of what is the same for all tasks


def add_finetuning_options(parser: Options, rate: str, batch_size: str) -> None:
    """Add the options of the runs, their training and the machine.

    Args:
        parser: where to add them.
        rate: the default learning rate, for the help text.
        batch_size: the default batch size, for the help text.
    """
    parser.add_argument(
        "--checkpoint",
        type=Path,
        required=True,
        metavar="PATH",
        help="model to fine-tune, a .pt file or its folder",
    )
    parser.add_argument(
        "--save", type=Path, required=True, metavar="DIR", help="folder to write runs to"
    )
    parser.add_argument(
        "--seeds",
        type=_parse_seeds,
        default=[1],
        metavar="N,...",
        help="random seeds, one run each, e.g. 1,2,3 (default: 1)",
    )
    parser.add_argument(
        "--lr",
        type=_parse_rates,
        metavar="LR,...",
        help="peak learning rate; of several, the one with the best dev scores is chosen "
        f"(default: {rate}; higher for models narrower than 768)",
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        metavar="N",
        help=f"texts per update, over all GPUs and accumulated batches (default: {batch_size})",
    )
    parser.add_argument(
        "--max-epoch",
        type=int,
        metavar="N",
        help=f"number of epochs (default: {_DEFAULTS.max_epoch})",
    )
    parser.add_argument(
        "--warmup-ratio",
        type=float,
        metavar="FRACTION",
        help="fraction of the updates in which the learning rate grows "
        f"(default: {_DEFAULTS.warmup_ratio})",
    )
    parser.add_argument(
        "--weight-decay",
        type=float,
        metavar="X",
        help=f"weight decay of AdamW (default: {_DEFAULTS.weight_decay})",
    )
    parser.add_argument(
        "--arch",
        metavar="NAME",
        help="architecture of CLINE or RoBERTa; sizes are always the checkpoint's "
        f"(default: {_DEFAULTS.arch})",
    )
    parser.add_argument(
        "--precision",
        choices=[AUTO, *PRECISIONS],
        help="floating-point format; auto is bf16 where the processor multiplies it natively, "
        "otherwise fp32 (default: fp16 on a GPU, fp32 on a CPU)",
    )
    parser.add_argument(
        "--gpus",
        type=int,
        metavar="N",
        help="number of GPUs; 0 is the CPU (default: 1 if one is available, otherwise 0)",
    )
    parser.add_argument(
        "--update-freq",
        type=int,
        default=1,
        metavar="N",
        help="accumulate gradients over N batches per update (default: %(default)s)",
    )


def parse_finetuning_args(
    parser: argparse.ArgumentParser, argv: Sequence[str] | None
) -> argparse.Namespace:
    """Parse the options; unknown ones are for fairseq-train, and become ``extra``.

    Args:
        parser: a parser with the options of :func:`add_finetuning_options`.
        argv: arguments of the program (None: those of the process).
    """
    args, extra = parser.parse_known_args(argv)
    args.extra = extra
    if any(not part.startswith("-") for part in args.extra[:1]):
        parser.error(f"unrecognized argument {args.extra[0]}")
    for name in ("batch_size", "max_epoch", "update_freq"):
        if getattr(args, name) is not None and getattr(args, name) < 1:
            parser.error(f"--{name.replace('_', '-')} must be at least 1")
    return args


def _parse_rates(text: str) -> list[float]:
    try:
        rates = list(dict.fromkeys(float(part) for part in text.split(",")))
        if not all(0 < rate < math.inf for rate in rates):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected positive numbers separated by commas, not {text!r}"
        ) from None
    return rates


def _parse_seeds(text: str) -> list[int]:
    try:
        return list(dict.fromkeys(int(part) for part in text.split(",")))
    except ValueError:
        raise argparse.ArgumentTypeError(
            f"expected numbers separated by commas, not {text!r}"
        ) from None


def machine_of(args: argparse.Namespace) -> Machine:
    """Choose the GPUs to use.

    Raises:
        InputError: if the machine has fewer than --gpus.
    """
    import torch

    available = torch.cuda.device_count()
    gpus = min(available, 1) if args.gpus is None else args.gpus
    if not 0 <= gpus <= available:
        raise InputError(
            f"--gpus {gpus} is not available here: pass a number from 0 to {available}"
        )
    return Machine(gpus, args.update_freq)


def settings_of(
    args: argparse.Namespace, defaults: Settings, machine: Machine, width: int
) -> Settings:
    """Combine the settings of a task with those of the options, and the first of several rates.

    Args:
        args: the options of :func:`add_finetuning_options`.
        defaults: the settings of the task.
        machine: the GPUs to use.
        width: dimension of the model.
    """
    names = ("batch_size", "max_epoch", "warmup_ratio", "weight_decay", "arch", "precision")
    given = {name: getattr(args, name) for name in names if getattr(args, name) is not None}
    precision = given.get("precision", "fp16" if machine.gpus else "fp32")
    given["precision"] = choose_precision(precision, "cuda" if machine.gpus else "cpu", print)
    given["lr"] = args.lr[0] if args.lr else _default_rate(args, defaults.lr, width)
    return replace(defaults, **given, extra=tuple(args.extra))


def _default_rate(args, default, width):
    """The learning rate of a run to resume, or else one that suits the model."""
    for seed in args.seeds:
        path = args.save / f"seed{seed}" / SETTINGS_FILE
        if path.is_file():
            return json.loads(path.read_text(encoding="utf-8"))["lr"]
    lr = rate_for_width(default, width)
    if lr != default:
        print(f"learning rate: {lr:g}, for a model of {width} dimensions (--lr sets another)")
    return lr


def run_all(
    args: argparse.Namespace, experiment: Experiment
) -> Iterator[tuple[Path, dict[str, Any], Experiment]]:
    """Run all seeds, with each learning rate if there are several, and print the metrics.

    Args:
        args: the options of :func:`add_finetuning_options`.
        experiment: what to run.

    Yields:
        folder, result and experiment of each finished run; of a sweep, only of those with the
        chosen learning rate.
    """
    experiments = experiments_of(experiment, args.save, args.lr or [])
    for folder, variant in experiments.items():
        for seed in args.seeds:  # bad options are an error before anything is written
            variant.command(folder / f"seed{seed}", seed)
    make_folder(args.save)
    folder, is_sweep = args.save, len(experiments) > 1
    if is_sweep:
        folder, experiment = choose_rate(experiments, args.save, args.seeds)
    for seed in args.seeds:
        result, was_finished = run_seed(experiment, folder / f"seed{seed}", seed)
        if not is_sweep:
            print(summary_line(result) + (" (finished already)" if was_finished else ""))
        yield folder / f"seed{seed}", result, experiment
