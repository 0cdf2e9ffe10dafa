"""Show GLUE results in a table: median, mean and standard deviation over the seeds.

Each folder holds the runs of cline-fairseq glue-finetune for one checkpoint, such as
runs/cline/RTE/seed1:

    cline-fairseq glue-report runs/cline
    cline-fairseq glue-report runs/cline runs/roberta --plot glue.png --json glue.json

Of some tasks, with a partial average, which is marked as such and no GLUE score:

    cline-fairseq glue-report runs/cline --tasks RTE,MRPC,STS-B

Figures are percentages; std is the sample standard deviation. The average covers the eight tasks
other than WNLI; a task with two metrics, or two dev sets, counts with their mean. Each task should
have all seeds that any task has (or those of --seeds): if one is missing, the table says so and has
no average. Your own tasks, from cline-fairseq finetune, follow GLUE's and are never averaged.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

from ..atomic_io import write_json
from ..errors import InputError
from ..evaluation.glue.report import (
    Report,
    choose_measures,
    glue_table,
    make_report,
    read_runs,
)
from ..runtime.terminal import printable
from .figures import load_pyplot, save_figure
from .options import add_json_option, program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument(
        "folders", type=Path, nargs="+", metavar="DIR", help="folder of runs, one per checkpoint"
    )
    parser.add_argument(
        "--names",
        metavar="NAME,...",
        help="names of the checkpoints, separated by commas (default: the folders)",
    )
    parser.add_argument(
        "--seeds",
        metavar="N,...",
        help="seeds that each task should have, e.g. 1,2,3 (default: all seeds of any task)",
    )
    parser.add_argument(
        "--tasks",
        metavar="TASK,...",
        help="tasks to show and average, separated by commas (default: all of GLUE, and all others "
        "that have runs)",
    )
    add_json_option(parser)
    parser.add_argument(
        "--plot", type=Path, metavar="FILE", help="draw the scores of the tasks to this PNG file"
    )
    args = parser.parse_args(argv)
    args.names = args.names.split(",") if args.names else [str(path) for path in args.folders]
    if len(args.names) != len(args.folders) or len(set(args.names)) < len(args.names):
        parser.error("pass each folder once, and give each a name of its own")
    return args


def make_reports(args: argparse.Namespace) -> list[Report]:
    """Make a report of each folder, all over the same seeds.

    Raises:
        InputError: if --seeds are not numbers, or --tasks are not tasks.
        MissingFileError: if a folder holds no runs.
    """
    found = [read_runs(folder) for folder in args.folders]
    seeds = sorted(set().union(*(seeds for _, seeds in found)))
    if args.seeds:
        try:
            seeds = sorted({int(part) for part in args.seeds.split(",")})
        except ValueError:
            raise InputError(
                f"--seeds must be numbers separated by commas, not {args.seeds!r}"
            ) from None
    tasks = [name.strip() for name in args.tasks.split(",")] if args.tasks else None
    measures = choose_measures([runs for runs, _ in found], tasks)
    return [
        make_report(name, runs, seeds, measures)
        for name, (runs, _) in zip(args.names, found, strict=True)
    ]


def draw(reports: Sequence[Report], path: Path) -> None:
    """Draw bars for the tasks, side by side for the checkpoints, with the seeds' metrics as dots.

    Args:
        reports: one for each checkpoint.
        path: the PNG file to write.
    """
    plt = load_pyplot()
    figure, axis = plt.subplots(figsize=(11, 4.5), constrained_layout=True)
    width = 0.8 / len(reports)
    average = "partial average" if reports[0].is_partial else "average"
    groups = [*reports[0].tasks, *([average] if reports[0].averaged else [])]
    for i, report in enumerate(reports):
        for x, group in enumerate(groups):
            value = report.average() if group == average else report.task_score(group)
            place = x + (i - (len(reports) - 1) / 2) * width
            label = report.name if x == 0 else None
            axis.bar(place, value or 0, width, color=f"C{i}", label=label)
            if value is None:
                axis.text(place, 1, "missing", rotation=90, ha="center", va="bottom", fontsize=8)
                continue
            dots = [v for row in report.rows if row.task == group for v in row.values]
            axis.plot([place] * len(dots), dots, "k.", markersize=3)
            top = max([value, 0, *dots]) + 1
            axis.text(place, top, f"{value:.1f}", ha="center", va="bottom", fontsize=7)
    axis.set_xticks(range(len(groups)), groups)
    axis.set(ylabel="score, %", title="median over seeds; dots: metrics of a seed")
    axis.grid(axis="y", alpha=0.3)
    axis.legend()
    save_figure(path, figure)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    reports = make_reports(args)
    print(printable("\n".join(map(glue_table, reports))), end="")
    if args.json:
        write_json(args.json, [report.as_dict() for report in reports])
    if args.plot:
        draw(reports, args.plot)
