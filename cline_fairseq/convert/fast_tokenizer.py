"""Build a fast tokenizer for Hugging Face, with RoBERTa's special tokens, or CamemBERT's rows."""

from pathlib import Path

import tokenizers
from tokenizers.processors import TemplateProcessing

from ..checkpoint import LoadedModel
from ..dictionary import MASK, SPECIAL
from . import byte_level, camembert, sentence_pieces, word_pieces
from .families import Family
from .hf_library import PreTrainedTokenizerFast
from .parameter_names import first_of
from .tokenizer_check import PROBES, SPACED, probes_of, require_same

BOS, PAD, EOS, UNK = SPECIAL


def missing_pieces(loaded: LoadedModel) -> str | None:
    """How the fast tokenizer differs from fairseq's, in sentences; None if it does not."""
    count = len(loaded.tokenizer.lacking)
    if not count:
        return None
    return (
        f"The dictionary lacks {count:,} of the tokenizer's pieces "
        f"({first_of(loaded.tokenizer.lacking)}). In training they were <unk>; this tokenizer "
        "splits them into smaller pieces."
    )


def fast_tokenizer(loaded: LoadedModel, family: Family) -> PreTrainedTokenizerFast:
    """Build a tokenizer whose ids are the rows of the model's embedding matrix.

    Texts become ``<s> a </s>``, pairs ``<s> a </s> </s> b </s>``. See :func:`missing_pieces` for
    the only way in which it may differ from fairseq's.

    Args:
        loaded: the model, with its tokenizer and dictionary.
        family: RoBERTa, or what has its tokens, or CamemBERT.

    Raises:
        InputError: if no fast tokenizer yields the same tokens.
    """
    config = loaded.tokenizer.config
    symbols = family.tokens or loaded.model.encoder.dictionary.symbols
    order = family.order or range(len(symbols))
    if config["_name"] == "sentencepiece":
        unused = camembert.UNUSED if family.order else ()
        tokenizer = sentence_pieces.to_hf(Path(config["sentencepiece_model"]), symbols, unused)
    elif config["_name"] == "bert":
        tokenizer = word_pieces.to_hf(config, symbols)
    else:
        tokenizer = byte_level.to_hf(config, symbols)
    require_same(
        lambda lines: [[order[i] for i in tokenizer.encode(line).ids] for line in lines],
        loaded.tokenizer.rows,
        probes_of(loaded.tokenizer, PROBES + SPACED),
        "no fast tokenizer splits texts like the model's: it cannot be exported",
    )
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        pair=f"{BOS} $A {EOS} {EOS} $B {EOS}",
        special_tokens=[(symbol, symbols.index(symbol)) for symbol in (BOS, EOS)],
    )
    # Like RoBERTa's, the mask includes the space before it.
    mask = tokenizers.AddedToken(MASK, lstrip=True, special=True)
    tokenizer.add_special_tokens([*SPECIAL, mask])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        cls_token=BOS,
        sep_token=EOS,
        pad_token=PAD,
        unk_token=UNK,
        mask_token=mask,
        model_max_length=loaded.model.max_positions(),
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
