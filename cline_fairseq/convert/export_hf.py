"""Export a checkpoint as a folder for Hugging Face's transformers."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..atomic_io import atomic_folder
from ..checkpoint import LoadedModel
from ..checkpoint_files import SENTENCEPIECE_MODEL, WORD_PIECES
from ..errors import InputError
from .camembert import TOKEN_IDS as IDS_OF_CAMEMBERT
from .configs import to_hf_config
from .export_bert import to_bert_model, to_bert_tokenizer
from .families import Family, family_of
from .fast_tokenizer import BOS, EOS, fast_tokenizer, missing_pieces
from .hf_library import (
    CamembertConfig,
    CamembertForMaskedLM,
    CamembertForSequenceClassification,
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaForSequenceClassification,
)
from .label_names import named_labels
from .layout import RTD_HEAD
from .model_card import model_card
from .parameter_names import (
    DECODER_BIAS,
    LM_HEAD_BIAS,
    TYPE_EMBEDDINGS,
    classifier_names,
    encoder_names,
    first_of,
    in_order,
    lm_head_names,
)
from .sentence_transformers import write_pooling

_RTD_PREFIX = "encoder.rtd_head."
# Configuration, masked LM and classifier of what has RoBERTa's parameters.
_CLASSES: dict[str, tuple[Any, Any, Any]] = {
    "roberta": (RobertaConfig, RobertaForMaskedLM, RobertaForSequenceClassification),
    "xlm-roberta": (XLMRobertaConfig, XLMRobertaForMaskedLM, XLMRobertaForSequenceClassification),
    "camembert": (CamembertConfig, CamembertForMaskedLM, CamembertForSequenceClassification),
}


class Exported(NamedTuple):
    """Describes an export.

    Attributes:
        model: the model that was written.
        notes: how it differs from what one might expect, for the user.
    """

    model: PreTrainedModel
    notes: list[str]


def export_hf(
    loaded: LoadedModel,
    dest: Path,
    rtd_head: bool = False,
    labels: Mapping[str, str] | None = None,
) -> Exported:
    """Write model, fast tokenizer and model card; for an encoder also how it pools.

    Args:
        loaded: the model; an encoder becomes a model for masked LM, and a classifier one for
            classification, of the class that :func:`.families.family_of` chooses.
        dest: the folder to create.
        rtd_head: also write the RTD head, to rtd_head.safetensors.
        labels: names for a classifier's labels; see :func:`~.label_names.named_labels`.

    Raises:
        InputError: if Hugging Face's RoBERTa cannot represent the model, or if ``rtd_head`` is set
            and the model has none; or if ``labels`` does not fit the classifier.
    """
    if rtd_head and not loaded.has_rtd_head:
        raise InputError(
            "the checkpoint has no RTD head: export a checkpoint of --task cline, or leave out "
            "--rtd-head"
        )
    loaded = loaded._replace(labels=named_labels(loaded, labels))
    family = family_of(loaded)
    model, more = to_hf_model(loaded, family)
    tokenizer = (to_bert_tokenizer if family.is_bert else fast_tokenizer)(loaded, family)
    with atomic_folder(dest) as folder:
        model.save_pretrained(folder, state_dict={**model.state_dict(), **more})
        tokenizer.save_pretrained(folder)
        # The fast tokenizer was made from these files; importing the folder needs them.
        if loaded.tokenizer.config["_name"] == "sentencepiece":
            shutil.copyfile(
                loaded.tokenizer.config["sentencepiece_model"], folder / SENTENCEPIECE_MODEL
            )
        elif loaded.tokenizer.config["_name"] == "bert":
            shutil.copyfile(loaded.tokenizer.config["bpe_vocab_file"], folder / WORD_PIECES)
        if not loaded.is_classifier:
            write_pooling(loaded, folder)
        if rtd_head:
            save_file(rtd_weights(loaded.model.state_dict()), folder / RTD_HEAD)
        card = folder / "README.md"
        card.write_text(model_card(loaded, rtd_head, family), encoding="utf-8")
        for path in filter(Path.is_file, folder.iterdir()):
            # safetensors makes its files readable only by the owner.
            path.chmod(card.stat().st_mode)
    return Exported(model, [note for note in (family.note, missing_pieces(loaded)) if note])


def to_hf_model(loaded: LoadedModel, family: Family) -> tuple[PreTrainedModel, dict[str, Tensor]]:
    """Build the same model in transformers, on the CPU, in fp32 and eval mode.

    Args:
        loaded: the model.
        family: of :func:`.families.family_of`.

    Returns:
        the model, and parameters that belong to its file and to other classes of its family.

    Raises:
        InputError: if Hugging Face's RoBERTa cannot represent the model.
    """
    args, weights = loaded.model.args, loaded.model.state_dict()
    options = to_hf_config(args, len(loaded.model.encoder.dictionary))
    names = encoder_names(args.encoder_layers)
    if loaded.is_classifier:
        options |= _classes(loaded)
        names |= classifier_names(loaded.task.cfg.classification_head_name)
    else:
        names |= lm_head_names()
    missing = names.keys() - weights.keys()
    if missing:
        raise InputError(f"the model has no {first_of(missing)}: it is not a RoBERTa")
    state = {theirs: weights[ours] for ours, theirs in names.items()}
    if family.is_bert:
        return to_bert_model(loaded, options, state, family)
    config, masked_lm, classifier = _CLASSES[family.kind]
    if family.kind == "camembert":
        options |= IDS_OF_CAMEMBERT
    model = (classifier if loaded.is_classifier else masked_lm)(config(**options))
    state[TYPE_EMBEDDINGS] = torch.zeros(1, args.encoder_embed_dim)  # fairseq has none
    if not loaded.is_classifier:
        state[DECODER_BIAS] = state[LM_HEAD_BIAS]
    model.load_state_dict(in_order(state, family.order))
    return model.eval(), {}


def rtd_weights(weights: dict[str, Tensor]) -> dict[str, Tensor]:
    """The parameters of the RTD head, without the prefix of their names."""
    return {
        name.removeprefix(_RTD_PREFIX): weight
        for name, weight in weights.items()
        if name.startswith(_RTD_PREFIX)
    }


def _classes(loaded):
    cfg = loaded.task.cfg
    dictionary = loaded.model.encoder.dictionary
    if (cfg.init_token, cfg.separator_token) != (dictionary.index(BOS), dictionary.index(EOS)):
        raise InputError(
            "the classifier was trained on texts without <s> at the beginning (--init-token) or on "
            "pairs without </s> </s> between the texts (--separator-token), which Hugging Face's "
            "RoBERTa adds: it cannot be exported"
        )
    if loaded.model.args.pooler_activation_fn != "tanh":
        raise InputError(
            f"the classification head uses {loaded.model.args.pooler_activation_fn} "
            "(--pooler-activation-fn), and Hugging Face's uses tanh: it cannot be exported"
        )
    if cfg.regression_target:
        return {"num_labels": 1, "problem_type": "regression"}
    return {
        "id2label": dict(enumerate(loaded.labels)),
        "label2id": {label: i for i, label in enumerate(loaded.labels)},
        "problem_type": "single_label_classification",
    }
