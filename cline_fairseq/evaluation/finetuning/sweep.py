"""Several learning rates: all are run with all seeds, and the dev set decides."""

import statistics
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from ...atomic_io import make_folder, write_json
from ...errors import InputError
from ..glue.results import RATE, SWEEP, SWEEP_FORMAT, dev_score, write_result
from .running import Experiment, run_seed, summary_line


def rate_folder(save: Path, rate: float) -> Path:
    """Return the folder of a learning rate's runs."""
    return save / f"{RATE}{rate!r}"


def require_layout(save: Path, rates: Sequence[float]) -> None:
    """Require that a folder has runs with one learning rate, or with several, as before.

    Args:
        save: folder of the runs.
        rates: learning rates to run; fewer than two are no sweep.

    Raises:
        InputError: if it has runs of the other kind.
    """
    is_sweep = len(rates) > 1
    pattern, held = (
        ("seed*", "with one learning rate") if is_sweep else (f"{RATE}*/seed*", "of a sweep")
    )
    if next(save.glob(pattern), None) is not None:
        raise InputError(
            f"{save} holds runs {held}: pass the same --lr as those, or another --save for this "
            "command"
        )


def experiments_of(
    experiment: Experiment, save: Path, rates: Sequence[float]
) -> dict[Path, Experiment]:
    """Return an experiment for each learning rate, keyed by the folder of its runs.

    Args:
        experiment: what they have in common.
        save: folder of the runs.
        rates: learning rates; fewer than two are no sweep, and the runs are in ``save`` itself.
    """
    if len(rates) < 2:
        return {save: experiment}
    return {
        rate_folder(save, rate): replace(experiment, settings=replace(experiment.settings, lr=rate))
        for rate in rates
    }


def choose_rate(
    experiments: dict[Path, Experiment], save: Path, seeds: Sequence[int]
) -> tuple[Path, Experiment]:
    """Run all learning rates, and choose the one with the best mean over the seeds.

    What is compared is the mean of the task's metrics on its dev sets; a run with an undefined
    metric is worse than any other. Of equal rates, the first is chosen. The choice and the scores
    are written to sweep.json, and to the results of all runs.

    Args:
        experiments: what :func:`experiments_of` returns for a sweep.
        save: folder of the runs.
        seeds: random seeds.

    Returns:
        the folder with the chosen runs, and their experiment.
    """
    results: dict[Path, list[dict[str, Any]]] = {}
    for folder, experiment in experiments.items():
        make_folder(folder)
        results[folder] = []
        for seed in seeds:
            result, _ = run_seed(experiment, folder / f"seed{seed}", seed)
            print(f"learning rate {experiment.settings.lr:g}: {summary_line(result)}")
            results[folder].append(result)
    scores = {folder: [dev_score(result) for result in of] for folder, of in results.items()}
    means = {folder: statistics.fmean(values) for folder, values in scores.items()}
    chosen = max(means, key=lambda folder: means[folder])
    rates: list[dict[str, Any]] = [
        {
            "lr": experiments[folder].settings.lr,
            "folder": folder.name,
            "dev_scores": scores[folder],
            "mean": means[folder],
        }
        for folder in experiments
    ]
    rate = experiments[chosen].settings.lr
    sweep = {"chosen_lr": rate, "seeds": list(seeds), "rates": rates}
    for folder, of_folder in results.items():
        for seed, result in zip(seeds, of_folder, strict=True):
            if result.get("sweep") != sweep:
                write_result(folder / f"seed{seed}", {**result, "sweep": sweep})
    write_json(save / SWEEP, {"format": SWEEP_FORMAT, "chosen_folder": chosen.name, **sweep})
    listed = ", ".join(f"{entry['lr']:g}: {100 * entry['mean']:.2f} %" for entry in rates)
    print(f"chosen learning rate: {rate:g} (mean dev score by learning rate: {listed})")
    return chosen, experiments[chosen]
