"""Break things on purpose, and show in a table what held.

Kills programs, runs two at one destination, sends signals, and so on, each many times at random
moments, with a small corpus and a tiny model that are made first:

    python tests/stress/run.py
    python tests/stress/run.py --only signals pairs --signals 100 --seed 2

The exit status is 1 if anything failed. A whole run takes some hours on two cores; Ctrl-C ends it
with the table of what has been tried.

To add a check, write a module with a function of the signature of Check.trials, and list it in
CHECKS.
"""

import argparse
import contextlib
import signal
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # as pytest has it

from tqdm import tqdm

from stress import attacks, full_disks, kills, mutations, pairs, signals
from stress.material import Material
from stress.trial import Trial


class Check(NamedTuple):
    """A way to break things.

    Attributes:
        trials: yields ``number`` attempts, drawn with the seed. It may write into the folder,
            which is its own.
        number: of attempts in a whole run.
    """

    trials: Callable[[Material, int, int, Path], Iterator[Trial]]
    number: int


CHECKS = {
    "kills-corpus": Check(kills.corpus, 50),
    "kills-training": Check(kills.training, 20),
    "kills-ranks": Check(kills.ranks, 9),
    "pairs": Check(pairs.pairs, 50),
    "signals": Check(signals.signals, 54),
    "full-disks": Check(full_disks.full_disks, 42),
    "mutations": Check(mutations.mutations, 312),
    "attacks": Check(attacks.attacks, 40),
}


def run_checks(numbers: dict[str, int], seed: int, folder: Path) -> Iterator[tuple[str, Trial]]:
    """Run some checks.

    Args:
        numbers: attempts by name of the check.
        seed: of the random choices. The moments at which a program is hit are drawn with it, but
            what the program does then depends on the machine.
        folder: an empty one, to work in.

    Yields:
        the name of the check, and the outcome of each attempt.
    """
    material = Material(folder / "material")
    for name, number in numbers.items():
        own = folder / name
        own.mkdir()
        for trial in CHECKS[name].trials(material, number, seed, own):
            yield name, trial


def as_table(outcomes: Iterable[tuple[str, Trial]]) -> str:
    """A Markdown table: what, how often it was tried and held, and each failure."""
    failures: dict[tuple[str, str], list[str | None]] = defaultdict(list)
    for name, trial in outcomes:
        failures[name, trial.what].append(trial.failure)
    lines = ["| check | what | tried | held | failures |", "|---|---|---|---|---|"]
    for (name, what), found in failures.items():
        failed = [" ".join(failure.split()).replace("|", "\\|") for failure in found if failure]
        held = len(found) - len(failed)
        lines.append(f"| {name} | {what} | {len(found)} | {held} | {'; '.join(failed)} |")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--only", nargs="+", choices=CHECKS, default=list(CHECKS), help="checks to run"
    )
    parser.add_argument("--seed", type=int, default=1, help="random seed (default: 1)")
    parser.add_argument(
        "--folder", type=Path, help="empty folder to work in (default: a temporary one)"
    )
    for name, check in CHECKS.items():
        parser.add_argument(
            f"--{name}",
            type=int,
            default=check.number,
            metavar="N",
            help=f"attempts (default: {check.number})",
        )
    args = parser.parse_args()
    # Shells let programs in the background, and so those that they start, ignore Ctrl-C.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    numbers = {name: getattr(args, name.replace("-", "_")) for name in args.only}
    outcomes = []
    with (
        tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as temporary,
        tqdm(total=sum(numbers.values()), unit="attempt") as bar,
    ):
        folder = args.folder or Path(temporary)
        folder.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(KeyboardInterrupt):
            for name, trial in run_checks(numbers, args.seed, folder):
                outcomes.append((name, trial))
                bar.set_description(name)
                bar.update()
                if trial.failure:
                    tqdm.write(f"{name}: {trial.what}: {trial.failure}", file=sys.stderr)
    print(as_table(outcomes))
    return any(trial.failure for _, trial in outcomes) or len(outcomes) < sum(numbers.values())


if __name__ == "__main__":
    sys.exit(main())
