"""Small random models of every kind that can be imported, saved by transformers."""

import shutil
from pathlib import Path

import sentencepiece
import torch
from transformers import (
    AutoModel,
    AutoTokenizer,
    BertConfig,
    BertForMaskedLM,
    BertForPreTraining,
    BertModel,
    BertTokenizer,
    CamembertConfig,
    CamembertForMaskedLM,
    CamembertTokenizer,
    CamembertTokenizerFast,
    DistilBertConfig,
    DistilBertForMaskedLM,
    ElectraConfig,
    ElectraForMaskedLM,
    ElectraForPreTraining,
    XLMRobertaConfig,
    XLMRobertaForMaskedLM,
    XLMRobertaTokenizer,
    XLMRobertaTokenizerFast,
)

from helpers import word_piece_files

SIZES = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 2}
SIZES |= {"intermediate_size": 64, "max_position_embeddings": 120}
DISTILLED = {"dim": 32, "n_layers": 2, "n_heads": 2, "hidden_dim": 64}
DISTILLED |= {"max_position_embeddings": 120}
SENTENCES = ["The mice ran over the fences.", "It isn't well-known, is it?", "犬 and some more"]


def make(folder: Path, kind, texts, cased=False, **options):
    """A small random model, saved by transformers."""
    folder.mkdir(parents=True)
    word_piece_files(folder, texts, cased, 600)
    (folder / "dict.txt").unlink()
    positions = SIZES["max_position_embeddings"]
    tokenizer = BertTokenizer(
        str(folder / "vocab.txt"), do_lower_case=not cased, model_max_length=positions
    )
    torch.manual_seed(1)
    size = {"vocab_size": len(tokenizer), **options}
    if kind is DistilBertForMaskedLM:
        model = kind(DistilBertConfig(**DISTILLED, **size))
    elif kind in (ElectraForMaskedLM, ElectraForPreTraining):
        model = kind(ElectraConfig(**SIZES, **{"embedding_size": 32, **size}))
    else:
        model = kind(BertConfig(**SIZES, **size))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def make_with_pieces(folder: Path, kind, tokenizer_class, texts):
    """A small random XLM-R or CamemBERT, with the numbering of its tokenizer."""
    folder.mkdir(parents=True)
    pieces = folder / "pieces"
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts), model_prefix=str(pieces), vocab_size=400, minloglevel=2
    )
    tokenizer = tokenizer_class(str(pieces.with_suffix(".model")))
    torch.manual_seed(1)
    is_french = kind is CamembertForMaskedLM
    ids = {"bos_token_id": 5, "eos_token_id": 6} if is_french else {}
    config = CamembertConfig if is_french else XLMRobertaConfig
    size = {**SIZES, "max_position_embeddings": 122, "type_vocab_size": 1, **ids}
    model = kind(config(vocab_size=len(tokenizer), pad_token_id=1, layer_norm_eps=1e-5, **size))
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    for path in folder.glob("pieces.*"):
        path.unlink()
    return folder


MODELS = {
    "bert": (BertForMaskedLM, {}),
    "cased": (BertForMaskedLM, {"cased": True}),
    "epsilon of RoBERTa": (BertForMaskedLM, {"layer_norm_eps": 1e-5}),
    "bare": (BertModel, {}),
    "two heads": (BertForPreTraining, {}),
    "distilbert": (DistilBertForMaskedLM, {}),
    "electra": (ElectraForPreTraining, {}),
    "generator": (ElectraForMaskedLM, {}),
}


PIECES = {
    "xlm-roberta": (XLMRobertaForMaskedLM, XLMRobertaTokenizerFast),
    "xlm-roberta, slow": (XLMRobertaForMaskedLM, XLMRobertaTokenizer),
    "camembert": (CamembertForMaskedLM, CamembertTokenizerFast),
    "camembert, slow": (CamembertForMaskedLM, CamembertTokenizer),
}


def states_differ(source, predictor, sentences):
    """The greatest difference of the hidden states of all layers."""
    tokenizer, model = AutoTokenizer.from_pretrained(source), AutoModel.from_pretrained(source)
    worst = 0.0
    for sentence in sentences:
        tokens = tokenizer(
            sentence, return_tensors="pt", truncation=True, return_token_type_ids=False
        )
        with torch.no_grad():
            theirs = model.eval()(**tokens, output_hidden_states=True).hidden_states
        (ours,) = predictor.hidden_states([sentence])
        for one, other in zip(theirs, ours.layers, strict=True):
            worst = max(worst, (one - other).abs().max().item())
    return worst


def make_classifier_data(data: Path, folder: Path) -> Path:
    """A folder like that of a binarized task with two labels, for a BERT that was imported."""
    for part in ("input0", "label"):
        (data / part).mkdir(parents=True)
    shutil.copy(folder / "dict.txt", data / "input0")
    (data / "label" / "dict.txt").write_text("no 1\nyes 1\n", encoding="utf-8")
    for name in ("vocab.txt", "tokenizer_config.json"):
        shutil.copy(folder / name, data)
    return data
