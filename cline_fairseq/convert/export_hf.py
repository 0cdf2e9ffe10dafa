"""Export a checkpoint as a folder for Hugging Face's transformers."""

import shutil
from collections.abc import Mapping
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor

from ..atomic_io import atomic_folder
from ..checkpoint import LoadedModel
from ..checkpoint_files import SENTENCEPIECE_MODEL
from ..errors import InputError
from .configs import to_hf_config
from .export_bert import rows_of_bert, to_bert_model, to_bert_tokenizer
from .fast_tokenizer import BOS, EOS, fast_tokenizer
from .hf_library import (
    PreTrainedModel,
    RobertaConfig,
    RobertaForMaskedLM,
    RobertaForSequenceClassification,
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
    lm_head_names,
)

_RTD_PREFIX = "encoder.rtd_head."


def export_hf(
    loaded: LoadedModel,
    dest: Path,
    rtd_head: bool = False,
    labels: Mapping[str, str] | None = None,
) -> PreTrainedModel:
    """Write model, fast tokenizer and model card.

    Args:
        loaded: the model; an encoder becomes a RobertaForMaskedLM, a classifier becomes a
            RobertaForSequenceClassification. With the whole vocabulary of a BERT, they become a
            BertForMaskedLM and a BertForSequenceClassification.
        dest: the folder to create.
        rtd_head: also write the RTD head, to rtd_head.safetensors.
        labels: names for a classifier's labels; see :func:`~.label_names.named_labels`.

    Returns:
        the model that was written.

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
    order = rows_of_bert(loaded)
    model = to_hf_model(loaded, order)
    tokenizer = fast_tokenizer(loaded) if order is None else to_bert_tokenizer(loaded, order)
    with atomic_folder(dest) as folder:
        model.save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        if loaded.tokenizer.config["_name"] == "sentencepiece":
            # The fast tokenizer was made from it; importing the folder needs it.
            shutil.copyfile(
                loaded.tokenizer.config["sentencepiece_model"], folder / SENTENCEPIECE_MODEL
            )
        if rtd_head:
            save_file(rtd_weights(loaded.model.state_dict()), folder / RTD_HEAD)
        card = folder / "README.md"
        family = "RoBERTa" if order is None else "BERT"
        card.write_text(model_card(loaded, rtd_head, family), encoding="utf-8")
        for path in folder.iterdir():  # safetensors makes its files readable only by the owner
            path.chmod(card.stat().st_mode)
    return model


def to_hf_model(loaded: LoadedModel, order: list[int] | None = None) -> PreTrainedModel:
    """Build the same model in transformers, on the CPU, in fp32 and eval mode.

    Args:
        loaded: the model.
        order: of :func:`.export_bert.rows_of_bert`, for a BERT; None for a RoBERTa.

    Raises:
        InputError: if Hugging Face's RoBERTa cannot represent the model.
    """
    args, weights = loaded.model.args, loaded.model.state_dict()
    options = to_hf_config(args, len(loaded.model.encoder.dictionary))
    model: PreTrainedModel
    if loaded.is_classifier:
        options |= _classes(loaded)
    names = encoder_names(args.encoder_layers)
    if order is not None:
        return to_bert_model(loaded, options, order)
    if loaded.is_classifier:
        model = RobertaForSequenceClassification(RobertaConfig(**options))
        names |= classifier_names(loaded.task.cfg.classification_head_name)
    else:
        model = RobertaForMaskedLM(RobertaConfig(**options))
        names |= lm_head_names()
    missing = names.keys() - weights.keys()
    if missing:
        raise InputError(f"the model has no {first_of(missing)}: it is not a RoBERTa")
    state = {theirs: weights[ours] for ours, theirs in names.items()}
    state[TYPE_EMBEDDINGS] = torch.zeros(1, args.encoder_embed_dim)  # fairseq has none
    if not loaded.is_classifier:
        state[DECODER_BIAS] = state[LM_HEAD_BIAS]
    model.load_state_dict(state)
    return model.eval()


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
