"""Show the results of GLUE in a table: median, mean and standard deviation over the seeds.

Each folder is that of a checkpoint, and holds the runs of cline-fairseq glue-finetune, as
runs/cline/RTE/seed1:

    cline-fairseq glue-report runs/cline
    cline-fairseq glue-report runs/cline runs/roberta --plot glue.png --json glue.json

Numbers are percent; std is the sample standard deviation. The average is that of the eight tasks
without WNLI; a task with two metrics, or two dev sets, counts with their mean. Each task should
have all seeds that any has (or those of --seeds): where one is missing, the table says so, and
gives no average.
"""

from collections.abc import Sequence
from pathlib import Path

from ..atomic_io import write_json
from ..errors import InputError
from ..evaluation.glue.report import Report, as_markdown, make_report, read_runs
from ..evaluation.glue.tasks import TASKS
from ..runtime.terminal import printable
from .figures import load_pyplot, save_figure
from .options import program_parser


def _parse_args(argv):
    parser = program_parser(__name__, __doc__)
    parser.add_argument("folders", type=Path, nargs="+", help="a folder for each checkpoint")
    parser.add_argument("--names", help="of the checkpoints, with commas between")
    parser.add_argument("--seeds", help="that each task should have, as 1,2,3")
    parser.add_argument("--json", type=Path, help="write all numbers into this file")
    parser.add_argument("--plot", type=Path, help="draw the tasks into this PNG")
    args = parser.parse_args(argv)
    args.names = args.names.split(",") if args.names else [str(path) for path in args.folders]
    if len(args.names) != len(args.folders) or len(set(args.names)) < len(args.names):
        parser.error("give each folder once, and each a name of its own")
    return args


def make_reports(args) -> list[Report]:
    """A report of each folder, all over the same seeds."""
    found = [read_runs(folder) for folder in args.folders]
    seeds = sorted(set().union(*(seeds for _, seeds in found)))
    if args.seeds:
        try:
            seeds = sorted({int(part) for part in args.seeds.split(",")})
        except ValueError:
            raise InputError(
                f"--seeds must be numbers with commas between, not {args.seeds!r}"
            ) from None
    return [
        make_report(name, runs, seeds) for name, (runs, _) in zip(args.names, found, strict=True)
    ]


def draw(reports: list[Report], path: Path) -> None:
    """Bars of the tasks, side by side for the checkpoints; dots are the seeds' metrics."""
    plt = load_pyplot()
    figure, axis = plt.subplots(figsize=(11, 4.5), constrained_layout=True)
    width = 0.8 / len(reports)
    groups = [*TASKS, "average"]
    for i, report in enumerate(reports):
        for x, group in enumerate(groups):
            value = report.average() if group == "average" else report.task_score(group)
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
    axis.set(ylabel="score, %", title="GLUE, dev sets: median over seeds; dots: metrics of a seed")
    axis.grid(axis="y", alpha=0.3)
    axis.legend()
    save_figure(path, figure)
    plt.close(figure)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    reports = make_reports(args)
    print(printable("\n".join(map(as_markdown, reports))), end="")
    if args.json:
        write_json(args.json, [report.as_dict() for report in reports])
    if args.plot:
        draw(reports, args.plot)
