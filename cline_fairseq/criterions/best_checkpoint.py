"""The metrics that ``--best-checkpoint-metric`` can name."""

from collections.abc import Sequence

from ..errors import InputError

_LOWER_IS_BETTER = ("loss", "mlm_loss", "views_mlm_loss", "rtd_loss", "cts_loss", "ppl")
_HIGHER_IS_BETTER = ("rtd_acc", "rtd_f1", "cts_acc")


def check_best_checkpoint_metric(name: str, maximize: bool, logged: Sequence[str]) -> None:
    """Refuse a metric that fairseq would not find, or whose worst value it would take for the best.

    fairseq looks up the name only after the first validation, which can be hours into a run.

    Args:
        name: the value of ``--best-checkpoint-metric``.
        maximize: the value of ``--maximize-best-checkpoint-metric``.
        logged: the names that each validation logs.

    Raises:
        InputError: if the metric is not logged, or is better in the other direction.
    """
    if name not in logged:
        raise InputError(
            f"--best-checkpoint-metric {name} is not a metric of --criterion cline: choose one "
            f"of {', '.join(logged)}"
        )
    if name in _HIGHER_IS_BETTER and not maximize:
        raise InputError(
            f"--best-checkpoint-metric {name} would keep the worst checkpoint, as a higher {name} "
            "is better: add --maximize-best-checkpoint-metric"
        )
    if name in _LOWER_IS_BETTER and maximize:
        raise InputError(
            "--maximize-best-checkpoint-metric would keep the worst checkpoint, as a lower "
            f"{name} is better: leave it out"
        )
