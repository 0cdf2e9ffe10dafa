"""What tests share: real English, and small pre-training runs."""

import inspect
import json
from collections import Counter
from itertools import pairwise

from hypothesis import strategies as st

from programs import ROOT, run

TOKENIZER = "sentencepiece.model"
FIRST_VERSION = ROOT / "tests" / "first_version"  # see its README.md

SENTENCE = "The mice ran quickly over the better fences , and nobody was happy in Paris ."
# Words of all sorts.
ODD_WORDS = st.one_of(
    st.sampled_from([*SENTENCE.split(), "NASA", "DOGS", "Dogs", "don't", "well-known", "iPhone"]),
    st.sampled_from(["http://a.b/c?d=e", "naïve", "Ångström", "犬", "🙂", "1999", "x" * 400, ""]),
    st.text(max_size=12),
)


def english_texts():
    """Paragraphs of real English: docstrings of a few modules of the standard library."""
    import argparse
    import asyncio
    import collections
    import csv
    import decimal
    import difflib
    import email.message
    import http.client
    import logging.handlers
    import pathlib
    import random
    import shutil
    import tarfile
    import textwrap
    import threading
    import unittest.mock
    import zipfile

    modules = [argparse, asyncio, collections, csv, decimal, difflib, email.message, http.client]
    modules += [logging.handlers, pathlib, random, shutil, tarfile, textwrap, threading]
    modules += [unittest.mock, zipfile]
    docs = []
    for module in modules:
        docs.append(inspect.getdoc(module) or "")
        for _, item in sorted(vars(module).items()):
            if inspect.isclass(item):
                members = sorted(vars(item).items())
                docs.append(inspect.getdoc(item) or "")
                docs += [inspect.getdoc(f) or "" for _, f in members if inspect.isfunction(f)]
            elif inspect.isfunction(item):
                docs.append(inspect.getdoc(item) or "")
    paragraphs = [" ".join(p.split()) for doc in docs for p in doc.split("\n\n")]
    return [p for p in dict.fromkeys(paragraphs) if len(p.split()) >= 6 and ">>>" not in p]


def sentencepiece_options(corpus):
    """fairseq's configuration of ``--bpe sentencepiece``."""
    return {
        "_name": "sentencepiece",
        "sentencepiece_model": str(corpus / TOKENIZER),
        "sentencepiece_enable_sampling": False,
        "sentencepiece_alpha": None,
    }


def make_task(corpus, **options):
    """The task on the corpus, as fairseq sets it up."""
    from cline_fairseq.tasks.cline import ClineConfig, ClineTask

    defaults = {"data": str(corpus / "bin"), "subwords": sentencepiece_options(corpus), "seed": 1}
    return ClineTask.setup_task(ClineConfig(**{**defaults, "tokens_per_sample": 64, **options}))


def train_command(corpus, save_dir, *options):
    """A small pre-training run on the command line."""
    return [
        *("fairseq-train", corpus / "bin", "--user-dir", "cline_fairseq", "--task", "cline"),
        *("--arch", "cline_tiny", "--criterion", "cline", "--bpe", "sentencepiece"),
        *("--sentencepiece-model", corpus / TOKENIZER, "--tokens-per-sample", 64),
        *("--optimizer", "fused_adamw", "--lr", "1e-3", "--lr-scheduler", "fixed"),
        *("--batch-size", 8, "--log-format", "json", "--log-interval", 1, "--cpu"),
        *("--num-workers", 0, "--save-dir", save_dir, "--no-epoch-checkpoints"),
        *("--encoder-layers", 1, "--encoder-embed-dim", 32, "--encoder-ffn-embed-dim", 64),
        *options,
    ]


def first_version_command(save_dir, *options):
    """The run of the first version, without validation, as its README has it."""
    return [
        *("fairseq-train", FIRST_VERSION / "data-bin", "--user-dir", "cline_fairseq"),
        *("--task", "cline", "--criterion", "cline", "--arch", "cline_tiny"),
        *("--encoder-layers", 1, "--encoder-embed-dim", 16, "--encoder-ffn-embed-dim", 32),
        *("--encoder-attention-heads", 2, "--max-positions", 64, "--bpe", "sentencepiece"),
        *("--sentencepiece-model", FIRST_VERSION / TOKENIZER, "--tokens-per-sample", 64),
        *("--batch-size", 4, "--optimizer", "fused_adamw", "--lr", "1e-3"),
        *("--lr-scheduler", "polynomial_decay", "--warmup-updates", 5, "--total-num-update", 100),
        *("--disable-validation", "--no-epoch-checkpoints", "--save-dir", save_dir),
        *("--cpu", "--num-workers", 0, "--seed", 3, "--log-format", "json", "--log-interval", 1),
        *options,
    ]


def stock_roberta(data, save_dir, *options):
    """A checkpoint of fairseq's own masked_lm and roberta_base, made without our package."""
    run(
        *("fairseq-train", data, "--task", "masked_lm", "--criterion", "masked_lm", "--cpu"),
        *("--arch", "roberta_base", "--encoder-layers", 1, "--encoder-embed-dim", 32),
        *("--encoder-ffn-embed-dim", 64, "--encoder-attention-heads", 2, "--max-positions", 512),
        *("--optimizer", "adam", "--lr", "1e-3", "--batch-size", 8, "--tokens-per-sample", 64),
        *("--max-update", 1, "--disable-validation", "--no-epoch-checkpoints"),
        # Without a thread that may still run at exit, which crashes Python; see compat/workers.py.
        *("--data-buffer-size", 0, "--save-dir", save_dir, *options),
    )
    return save_dir / "checkpoint_last.pt"


def gpt2_vocabulary(folder, texts, merged=500):
    """A byte-level BPE in the format of GPT-2 with its dictionary; fairseq's options of it."""
    from fairseq.data.encoders.gpt2_bpe_utils import bytes_to_unicode

    # Merges that make common words, found as BPE finds them, on a part of the text.
    letters = bytes_to_unicode()
    words = Counter(f" {word}" for text in texts[:300] for word in text.split())
    pieces = {w: [letters[b] for b in w.encode()] for w in words}
    merges = [(letters[0xE2], letters[0x80])]  # curly quotes, as GPT-2 has them
    for _ in range(merged):
        pairs = Counter()
        for word, parts in pieces.items():
            for pair in pairwise(parts):
                pairs[pair] += words[word]
        best = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append(best)
        for word, parts in pieces.items():
            pieces[word] = _merge(parts, best)
    symbols = [*letters.values(), *("".join(pair) for pair in merges)]
    files = {"encoder.json": json.dumps({symbol: i for i, symbol in enumerate(symbols)})}
    files["vocab.bpe"] = "#version: 0.2\n" + "".join(f"{a} {b}\n" for a, b in merges)
    files["dict.txt"] = "".join(f"{i} 1\n" for i in range(len(symbols)))
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return {
        "_name": "gpt2",
        "gpt2_encoder_json": str(folder / "encoder.json"),
        "gpt2_vocab_bpe": str(folder / "vocab.bpe"),
    }


def gpt2_files(folder, texts):
    """The same, and a corpus binarized with it."""
    options = gpt2_vocabulary(folder, texts)
    (folder / "text.txt").write_text("\n".join(texts[:60]) + "\n", encoding="utf-8")
    run(
        *("scripts/encode.py", "--bpe", "gpt2", *gpt2_options(folder), "--workers", 1),
        *("--input", folder / "text.txt", "--output", folder / "text.bpe"),
    )
    run(
        *("fairseq-preprocess", "--only-source", "--srcdict", folder / "dict.txt"),
        *("--trainpref", folder / "text.bpe", "--validpref", folder / "text.bpe"),
        *("--destdir", folder / "bin"),
    )
    return folder / "bin", options


def word_piece_files(folder, texts, cased, size=2000):
    """A vocabulary of WordPiece with its dictionary; fairseq's options of it."""
    import tokenizers

    names = ["[PAD]", "[unused0]", "[unused1]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    tokenizer = tokenizers.BertWordPieceTokenizer(lowercase=not cased)
    tokenizer.train_from_iterator(
        texts, size, 1, special_tokens=names, initial_alphabet=list("'’-_é")
    )
    vocabulary = tokenizer.get_vocab()
    pieces = sorted(vocabulary, key=vocabulary.get)
    (folder / "vocab.txt").write_text("".join(f"{p}\n" for p in pieces), encoding="utf-8")
    symbols = "".join(f"{p} 1\n" for p in pieces if p not in names)
    (folder / "dict.txt").write_text(symbols, encoding="utf-8")
    return {"_name": "bert", "bpe_vocab_file": str(folder / "vocab.txt"), "bpe_cased": cased}


def word_piece_options(folder, cased):
    """The options of ``--bpe bert`` for these files."""
    return ["--bpe", "bert", "--bpe-vocab-file", folder / "vocab.txt", *["--bpe-cased"] * cased]


def gpt2_options(folder):
    """The options of ``--bpe gpt2`` for the files of :func:`gpt2_files`."""
    return [
        *("--gpt2-encoder-json", folder / "encoder.json"),
        *("--gpt2-vocab-bpe", folder / "vocab.bpe"),
    ]


def _merge(parts, pair):
    merged = []
    for part in parts:
        if merged and (merged[-1], part) == pair:
            merged[-1] += part
        else:
            merged.append(part)
    return merged
