"""The tokenizer that Hugging Face loads, with RoBERTa's special tokens."""

from pathlib import Path

import tokenizers
from tokenizers.processors import TemplateProcessing
from transformers import PreTrainedTokenizerFast

from ..corpus.symbols import SPECIAL
from ..options import MASK
from . import byte_level, sentence_pieces

BOS, PAD, EOS, UNK = SPECIAL


def fast_tokenizer(
    subwords: dict, symbols: list[str], max_positions: int
) -> PreTrainedTokenizerFast:
    """A tokenizer whose ids are the rows of the model's table of embeddings.

    Texts become ``<s> a </s>``, pairs ``<s> a </s> </s> b </s>``.

    Args:
        subwords: fairseq's configuration of ``--bpe``.
        symbols: of the whole dictionary, with ``<mask>``.
        max_positions: tokens of the longest text; longer ones are cut where that is asked for.

    Raises:
        InputError: if there can be none that gives the same tokens.
    """
    if subwords["_name"] == "sentencepiece":
        tokenizer = sentence_pieces.to_hf(Path(subwords["sentencepiece_model"]), symbols)
    else:
        tokenizer = byte_level.to_hf(subwords, symbols)
    tokenizer.post_processor = TemplateProcessing(
        single=f"{BOS} $A {EOS}",
        pair=f"{BOS} $A {EOS} {EOS} $B {EOS}",
        special_tokens=[(symbol, symbols.index(symbol)) for symbol in (BOS, EOS)],
    )
    # As RoBERTa's: the space before a mask is part of what it hides.
    tokenizer.add_special_tokens([*SPECIAL, tokenizers.AddedToken(MASK, lstrip=True, special=True)])
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        bos_token=BOS,
        eos_token=EOS,
        cls_token=BOS,
        sep_token=EOS,
        pad_token=PAD,
        unk_token=UNK,
        mask_token=tokenizers.AddedToken(MASK, lstrip=True, special=True),
        model_max_length=max_positions,
        model_input_names=["input_ids", "attention_mask"],
        clean_up_tokenization_spaces=False,
    )
