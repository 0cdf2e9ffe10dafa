"""Export a checkpoint with its RTD head as a folder for :meth:`ClineModel.from_pretrained`."""

from pathlib import Path
from typing import Any

from ..checkpoint import LoadedModel
from ..models.config import LAYER_NORM_EPS
from ..models.pooler import POOLER
from .model_card import SETTINGS
from .roberta import ARCH, plain_options, roberta_state, roberta_weights, write_folder

CLINE_ARCH = "cline_base"  # its sizes are set as options


def export_cline(loaded: LoadedModel, dest: Path) -> None:
    """Write model.pt, dictionaries and tokenizer.

    The checkpoint contains plain data without the optimizer's state. It keeps the settings of
    training but no paths, because all files that it needs are next to it.

    Args:
        loaded: an encoder or a classifier, of CLINE or RoBERTa.
        dest: the folder to create.

    Raises:
        InputError: if the model has parameters that neither CLINE nor RoBERTa has.
    """
    weights, arch = roberta_weights(loaded), ARCH
    if loaded.has_rtd_head:
        state = loaded.model.state_dict()
        weights |= {name: weight for name, weight in state.items() if ".rtd_head." in name}
        arch = CLINE_ARCH
    weights |= {f"{POOLER}{name}": weight for name, weight in loaded.pooler.items()}
    eps = getattr(loaded.model.args, "layer_norm_eps", LAYER_NORM_EPS)
    if eps != LAYER_NORM_EPS or loaded.pooler:
        arch = CLINE_ARCH  # fairseq's RoBERTa has no such option, and no pooler
    task = {**plain_options(loaded.cfg.task), "data": ""}
    if "subwords" in task:
        task["subwords"] = None
    state = roberta_state(weights, plain_options(loaded.model.args), task, arch)
    state["optimizer_history"][-1]["num_updates"] = loaded.num_updates
    for group in SETTINGS.keys() - {"model", "task"}:
        state["cfg"][group] = {**(state["cfg"][group] or {}), **_settings(loaded.cfg, group)}
    write_folder(loaded, state, dest)


def _settings(cfg: Any, group: str) -> dict[str, Any]:
    """The settings of a group that a model card lists."""
    options = plain_options(cfg[group]) if cfg.get(group) else {}
    return {name: options[name] for name in SETTINGS[group] if name in options}
