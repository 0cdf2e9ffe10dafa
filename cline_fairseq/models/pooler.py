"""The pooler of an imported BERT, with which the heads of classifiers begin.

BERT's pooler is a dense layer with tanh on the vector of ``[CLS]``, and so is the first layer of
RoBERTa's classification heads. A checkpoint that was imported from a BERT keeps it beside the
model's parameters. Pre-training has no use for it, and does not save it again.
"""

import logging
from collections.abc import Mapping

from fairseq.models.roberta import RobertaModel
from torch import Tensor

logger = logging.getLogger(__name__)

POOLER = "pooler."  # what its parameters in a checkpoint begin with


def pooler_of(weights: Mapping[str, Tensor], prefix: str = "") -> dict[str, Tensor]:
    """The parameters of the pooler: dense.weight and dense.bias; empty if there is none.

    Args:
        weights: the parameters in a checkpoint.
        prefix: what the names of the model begin with.
    """
    start = prefix + POOLER
    return {n.removeprefix(start): tensor for n, tensor in weights.items() if n.startswith(start)}


def start_heads(model: RobertaModel, state_dict: dict[str, Tensor], prefix: str) -> None:
    """Let the new classification heads of a model begin with the pooler of a checkpoint.

    Heads of another inner width or activation function than BERT's keep their random start.

    Args:
        model: the model that will load the parameters.
        state_dict: the parameters in the checkpoint by name, changed in place: the pooler is
            replaced by the parameters of new heads.
        prefix: what the names of the model begin with.
    """
    pooler = pooler_of(state_dict, prefix)
    if not pooler:
        return
    for name in pooler:
        del state_dict[prefix + POOLER + name]
    for name, head in model.classification_heads.items():
        start = f"{prefix}classification_heads.{name}."
        if any(key.startswith(start) for key in state_dict):
            continue  # it was trained
        state = head.state_dict()
        same_shape = all(state[part].shape == tensor.shape for part, tensor in pooler.items())
        if not same_shape or model.args.pooler_activation_fn != "tanh":
            logger.info("head %s does not begin with the pooler, which is of another kind", name)
            continue
        state_dict |= {start + part: tensor for part, tensor in {**state, **pooler}.items()}
        logger.info("head %s begins with the pooler of the imported model", name)
