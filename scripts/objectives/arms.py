"""The objectives that are compared: the presets, and ``matched`` with each part taken away."""

from pathlib import Path
from typing import Any, NamedTuple

from omegaconf import OmegaConf

from cline_fairseq.errors import InputError

PRESETS = Path(__file__).resolve().parents[2] / "examples" / "pretraining" / "config" / "objective"
# Changes to the options of ``matched``; None takes an option away.
PARTS = {
    "edits not matched": {"match_edits": None},
    "views not masked": {"mask_views": None},
    "Kendall's weights": {"loss_weighting": "kendall"},
    "no masked LM": {"mlm_weight": 0},
    "no RTD": {"rtd_weight": 0},
    "no contrast": {"contrastive_weight": 0},
    "no hard negative": {"negatives": "in_batch"},
    "no antonyms": {"antonym_kinds": "random=1"},
    "clean original": {"clean_original": True},
}


class Arm(NamedTuple):
    """One run of the comparison."""

    name: str
    task: str
    options: dict[str, Any]  # of fairseq-train, by the names that they have in YAML
    num_rows: int  # that the encoder reads for each text

    @property
    def folder(self) -> str:
        """The name of its folder."""
        return self.name.replace("'", "").replace(", ", " ").replace(" ", "-")


def all_arms() -> list[Arm]:
    """The arms in the order of the table: masked LM alone, the presets, the ablations."""
    # fairseq's blocks may be longer than its own limit, and its validation stops at them.
    masked_lm = {"skip_invalid_size_inputs_valid_test": True}
    arms = [Arm("masked_lm", "masked_lm", masked_lm, 1)]
    arms += [_cline(name, _preset(name)) for name in ("paper", "authors", "matched")]
    matched = _preset("matched")
    return arms + [_cline(f"matched, {name}", {**matched, **part}) for name, part in PARTS.items()]


def choose_arms(names: list[str] | None) -> list[Arm]:
    """The arms with these names, in the order of the table; without names, all.

    Raises:
        InputError: if there is no such arm.
    """
    arms = all_arms()
    known = [arm.name for arm in arms]
    unknown = [name for name in names or [] if name not in known]
    if unknown:
        raise InputError(f"no arm {unknown[0]!r}: expected some of {'; '.join(known)}")
    return [arm for arm in arms if not names or arm.name in names]


def as_arguments(options: dict[str, Any]) -> list[str]:
    """Options as fairseq-train takes them: ``{"match_edits": True}`` is ``--match-edits``."""
    arguments = []
    for name, value in options.items():
        flag = f"--{name.replace('_', '-')}"
        arguments += [flag] if value is True else [flag, str(value)]
    return arguments


def _cline(name, options):
    given = {key: value for key, value in options.items() if value is not None}
    return Arm(name, "cline", given, 4 if given.get("clean_original") else 3)


def _preset(name):
    preset = OmegaConf.to_container(OmegaConf.load(PRESETS / f"{name}.yaml"))
    return {**preset["task"], **preset["criterion"]}
