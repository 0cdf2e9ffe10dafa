"""Write a model card: what a model is, how it was trained, and how to load it."""

from typing import Any

from .. import __version__
from ..checkpoint import LoadedModel
from ..models.config import LAYER_NORM_EPS
from .families import Family
from .fast_tokenizer import missing_pieces
from .layout import RTD_HEAD

SETTINGS = {
    "model": ("arch", "dropout", "attention_dropout", "sentence_vector"),
    "task": (
        *("_name", "tokens_per_sample", "sample_break_mode", "mask_prob", "mask_whole_words"),
        *("synonym_ratio", "antonym_ratio", "rtd_content_words", "mask_views", "clean_original"),
        *("match_edits", "one_kind_per_text", "num_classes"),
    ),
    "criterion": (
        *("loss_weighting", "mlm_weight", "rtd_weight", "contrastive_weight"),
        *("similarity", "temperature", "negatives"),
    ),
    "optimizer": ("_name", "adam_betas", "adam_eps", "weight_decay"),
    "optimization": ("lr", "update_freq", "clip_norm"),
    "lr_scheduler": ("_name", "warmup_updates", "total_num_update"),
    "dataset": ("batch_size", "max_tokens"),
    "common": ("seed", "fp16", "bf16"),
}
_CARD = """---
library_name: transformers
pipeline_tag: {pipeline}
tags: [cline, fairseq, {family_tag}]
---

# {title}

{family}'s architecture: {layers} layers, {dim} wide, {heads} heads, {symbols:,} tokens of
{tokenizer}, texts of at most {positions} tokens. Trained with fairseq and cline_fairseq
{objective}, and exported by
cline_fairseq {version}.

    from transformers import AutoTokenizer, {auto_class}

    tokenizer = AutoTokenizer.from_pretrained("this folder")
    model = {auto_class}.from_pretrained("this folder")

{more}## Training

{updates:,} updates with these settings:

| | |
|---|---|
{settings}
"""
_RTD = """`{file}` holds the head for replaced token detection, which reads the last hidden states:

    from safetensors.torch import load_file
    from torch.nn.functional import gelu, layer_norm, linear

    w = load_file("{file}")
    h = model.{encoder}(**tokenizer(text, return_tensors="pt")).last_hidden_state
    h = gelu(linear(h, w["dense.weight"], w["dense.bias"]))
{norm}    replaced = linear(h, w["out_proj.weight"], w["out_proj.bias"]).sigmoid()

"""
_RTD_NORM = """\
    h = layer_norm(h, h.shape[-1:], w["layer_norm.weight"], w["layer_norm.bias"], {eps:g})
"""
_TOKENIZERS = {"sentencepiece": "SentencePiece", "gpt2": "a byte-level BPE", "bert": "WordPiece"}


def model_card(loaded: LoadedModel, rtd_head: bool, family: Family) -> str:
    """The card as Markdown, with the front matter for Hugging Face's hub.

    Args:
        loaded: the model; the card leaves out the paths of its data.
        rtd_head: whether the folder contains the RTD head.
        family: the kind of model that transformers load.
    """
    args = loaded.model.args
    objective = "with masked LM"
    if getattr(loaded.cfg.task, "_name", None) == "cline":
        objective = "with CLINE ([Wang et al., ACL 2021](https://arxiv.org/abs/2107.00440))"
    if loaded.is_classifier:
        objective = "as a classifier"
        if loaded.labels:
            objective += f" of {', '.join(f'`{label}`' for label in loaded.labels)}"
    norm = _RTD_NORM.format(eps=getattr(args, "layer_norm_eps", LAYER_NORM_EPS))
    if getattr(args, "rtd_head_plain", False):
        norm = ""
    notes = [f"{note}\n\n" for note in (missing_pieces(loaded), _sentence(family.note)) if note]
    kind = "SequenceClassification" if loaded.is_classifier else "MaskedLM"
    return _CARD.format(
        pipeline="text-classification" if loaded.is_classifier else "fill-mask",
        title=f"{family.name} {'classifier' if loaded.is_classifier else 'encoder'}",
        family=family.name,
        family_tag=family.kind,
        auto_class=f"AutoModelFor{kind}",
        layers=args.encoder_layers,
        dim=args.encoder_embed_dim,
        heads=args.encoder_attention_heads,
        symbols=len(loaded.model.encoder.dictionary),
        tokenizer=_TOKENIZERS[loaded.tokenizer.config["_name"]],
        positions=loaded.model.max_positions(),
        objective=objective,
        version=__version__,
        more=(_RTD.format(file=RTD_HEAD, encoder=family.prefix, norm=norm) if rtd_head else "")
        + "".join(notes),
        updates=loaded.num_updates,
        settings="\n".join(f"| {name} | `{value}` |" for name, value in _settings(loaded.cfg)),
    )


def _sentence(text):
    return f"{text[:1].upper()}{text[1:]}." if text else ""


def _settings(cfg) -> list[tuple[str, Any]]:
    """Names and values of settings; a group is a configuration or a legacy namespace."""
    found = []
    for group, names in SETTINGS.items():
        options = cfg.get(group)
        for name in names:
            value = None if options is None else getattr(options, name, None)
            if value is None and name == "arch":  # a configuration has it as its name
                value = getattr(options, "_name", None)
            if value is not None and value != "":
                label = group if name == "_name" else name
                found.append((label, value))
    return found
