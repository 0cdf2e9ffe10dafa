"""Pack predictions for GLUE's test sets into a zip file for its leaderboard.

The folder holds the runs of cline-fairseq glue-finetune --predict test for one checkpoint. For each
task, the seed with the best score on the dev set is chosen:

    cline-fairseq glue-submit runs/cline --zip submission.zip

The zip holds CoLA.tsv, SST-2.tsv, MRPC.tsv, STS-B.tsv, QQP.tsv, MNLI-m.tsv, MNLI-mm.tsv, QNLI.tsv,
RTE.tsv and WNLI.tsv. The leaderboard also expects AX.tsv, for its diagnostic set: it is that of the
chosen run on MNLI (glue-finetune --predict test,ax), or another file with --ax.
"""

import argparse
import zipfile
from collections.abc import Sequence
from pathlib import Path

from ..atomic_io import atomic_write
from ..errors import InputError, MissingFileError
from ..evaluation.glue.report import read_runs
from ..evaluation.glue.results import dev_score
from ..evaluation.glue.tasks import AX, GLUE_TASKS
from .options import program_parser


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    parser.add_argument(
        "folder", type=Path, metavar="DIR", help="folder with the runs of a checkpoint"
    )
    parser.add_argument("--zip", type=Path, required=True, metavar="FILE", help="zip file to write")
    parser.add_argument(
        "--ax",
        type=Path,
        metavar="FILE",
        help="predictions for the diagnostic set, to pack as AX.tsv (default: those of the chosen "
        "run on MNLI, if there are any)",
    )
    parser.add_argument(
        "--allow-missing",
        action="store_true",
        help="leave out tasks that have no predictions instead of stopping",
    )
    return parser.parse_args(argv)


def choose(folder: Path) -> tuple[dict[str, Path], list[str]]:
    """Choose the predictions of the best seed for each task.

    Returns:
        files, keyed by their names in the zip; and the names of missing files.
    """
    runs, _ = read_runs(folder)
    files, missing = {}, []
    for task in GLUE_TASKS.values():
        mine = [run for (name, _), run in runs.items() if name == task.name]
        best = max(mine, key=dev_score, default=None)
        for split, name in task.predictions.items():
            if best and (path := Path(best["folder"]) / "test" / name).is_file():
                files[name] = path
                print(f"{name}: seed {best['seed']}")
            elif split != AX:
                missing.append(name)
    return files, missing


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    files, missing = choose(args.folder)
    if args.ax:
        if not args.ax.is_file():
            raise MissingFileError(f"no file {args.ax}: expected a TSV with index and prediction")
        files["AX.tsv"] = args.ax
    if missing and not args.allow_missing:
        raise InputError(
            f"no {', '.join(missing)} of the best seeds in {args.folder}: run "
            "cline-fairseq glue-finetune --predict test for them, or pass --allow-missing"
        )
    if not files:
        raise InputError(f"no predictions to put into {args.zip}")
    if missing:
        print(f"missing: {', '.join(missing)}")
    if "AX.tsv" not in files:
        print("without AX.tsv: cline-fairseq glue-finetune --task MNLI --predict ax makes it")
    with atomic_write(args.zip) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as out:
        for name, path in files.items():
            out.write(path, name)
