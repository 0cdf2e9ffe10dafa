#!/usr/bin/env python3
"""Train the part-of-speech tagger of the rewriter, or evaluate one.

Training text is a file of word/TAG pairs, one text per line, with Penn Treebank tags
(scripts/tag_with_spacy.py writes one from plain text):

    python scripts/train_tagger.py --train train.tagged --valid valid.tagged --output tagger.npz
    python scripts/train_tagger.py --evaluate valid.tagged --tagger en

A fraction of the texts is lower-cased for training (--lower-share), as real text often is, and
words are hidden at random (--word-dropout), so that the network learns from their endings.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
from pathlib import Path

import numpy as np
from tqdm import tqdm

from cline_fairseq.atomic_io import atomic_write, require_file, require_folder_of
from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.rewriting.tagger import (
    FEATURES,
    WINDOW,
    Tagger,
    feature_keys,
    pad,
)
from cline_fairseq.rewriting.tags import POS_OF_TAG, TAG_INDEX, TAGS, fold_tag
from cline_fairseq.runtime.markdown import markdown_table
from tagger.tagged_text import read_tagged

NO_TAG = -1  # of boundaries


def load_corpus(paths, lower_share, rng):
    """Texts as word types: the words, and padded ids and tags of the joined texts."""
    index = {"": 0}
    texts, tags = [], []
    for path in paths:
        for line in read_tagged(path):
            lower = rng.random() < lower_share
            words = [word.lower() if lower else word for word, _ in line]
            texts.append(np.array([index.setdefault(word, len(index)) for word in words]))
            tags.append(np.array([TAG_INDEX[fold_tag(tag)] for _, tag in line]))
    boundary = [NO_TAG] * WINDOW
    gold = np.concatenate([part for t in tags for part in (boundary, t)] + [boundary])
    return list(index), pad(texts), gold


def known_features(words, ids, min_count):
    """The sorted keys of frequent features, and the features of each type as indices of them."""
    keys = feature_keys(words)
    known, at = np.unique(keys, return_inverse=True)
    at = at.reshape(keys.shape)
    counts = np.zeros(len(known), np.int64)
    np.add.at(counts, at, np.bincount(ids, minlength=len(words))[:, None])
    frequent = counts >= min_count
    index = np.where(frequent, np.cumsum(frequent) - 1, frequent.sum())
    return known[frequent], index[at]


def train(args) -> Tagger:
    """Fit the network with Adam on the cross-entropy, and round it to integers."""
    import torch  # takes seconds, --help does not
    import torch.nn.functional as F

    from tagger.network import TaggerNetwork, quantised

    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    words, ids, gold = load_corpus(args.train, args.lower_share, rng)
    keys, features = known_features(words, ids, args.min_count)
    print(f"{(gold >= 0).sum():,} words, {len(words):,} types, {len(keys):,} features")
    features, ids, gold = map(torch.from_numpy, (features, ids, gold))
    network = TaggerNetwork(len(keys), args.width, args.hidden, args.dropout)
    optimizer = torch.optim.Adam(network.parameters(), lr=args.lr, fused=True)
    starts = np.arange(0, len(ids) - 2 * WINDOW, args.batch_size)
    steps = args.epochs * len(starts)
    scheduler = torch.optim.lr_scheduler.LambdaLR(
        optimizer, lambda step: min(1, (step + 1) / args.warmup_steps) * (1 - step / steps)
    )
    hidden_by_dropout = [i for i, name in enumerate(FEATURES) if name in ("word", "capitals")]
    with tqdm(total=steps, unit="step", mininterval=2) as progress:
        for start in (start for _ in range(args.epochs) for start in rng.permutation(starts)):
            piece = ids[start : start + args.batch_size + 2 * WINDOW]
            inputs = features[piece]
            drop = torch.rand(len(piece), 1) < args.word_dropout
            inputs[:, hidden_by_dropout] = inputs[:, hidden_by_dropout].masked_fill(drop, len(keys))
            target = gold[start + WINDOW : start + len(piece) - WINDOW]
            loss = F.cross_entropy(network(inputs), target, ignore_index=NO_TAG)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            scheduler.step()
            progress.update()
            if progress.n % 100 == 0:
                progress.set_postfix(loss=f"{loss.item():.4f}")
    network.eval()
    sample = ids[: 1 << 17]
    tagger = quantised(network, keys, features[sample])
    found = tagger.tag_ids(tagger.word_features(words), sample.numpy())[WINDOW:-WINDOW]
    with torch.no_grad():
        exact = network(features[sample]).argmax(1).numpy()
    changed = (found != exact)[gold[: len(sample)][WINDOW:-WINDOW] >= 0].mean()
    print(f"rounding changes the tags of {100 * changed:.2f} % of the words")
    return tagger


def evaluate(tagger, paths, lower=False):
    """Counts of (gold, predicted) tags, an int array (tags, tags)."""
    words, ids, gold = load_corpus(paths, float(lower), np.random.default_rng(0))
    found = tagger.tag_ids(tagger.word_features(words), ids)
    keep = gold >= 0
    confusion = np.zeros((len(TAGS), len(TAGS)), np.int64)
    np.add.at(confusion, (gold[keep], found[keep]), 1)
    return confusion


def print_table(confusion):
    """Print agreement overall and precision, recall and F1 per tag."""
    right = np.diag(confusion)
    print(f"{confusion.sum():,} words, agreement {100 * right.sum() / confusion.sum():.2f} %\n")
    rows = []
    for i, tag in enumerate(TAGS):
        in_gold, in_found = confusion[i].sum(), confusion[:, i].sum()
        precision, recall = right[i] / max(in_found, 1), right[i] / max(in_gold, 1)
        f1 = 2 * right[i] / max(in_gold + in_found, 1)
        rows.append((tag, f"{in_gold:,}", f"{precision:.3f}", f"{recall:.3f}", f"{f1:.3f}"))
    print(markdown_table(("tag", "words", "precision", "recall", "F1"), rows))


def print_parts_of_speech(confusion):
    """Print how the words of each part of speech are tagged, in percent of the row."""
    parts = [POS_OF_TAG.get(tag, tag) for tag in TAGS]  # O and NNP are of none
    names = list(dict.fromkeys(parts))
    is_of = np.array([[part == name for name in names] for part in parts], int)
    counts = is_of.T @ confusion @ is_of
    shares = 100 * counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    rows = [
        (name, *(f"{share:.2f} %" for share in row))
        for name, row in zip(names, shares, strict=True)
    ]
    print(markdown_table(("tagged as", *names), rows))


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument(
        "--train", type=Path, nargs="+", metavar="FILE", help="files of word/TAG pairs to train on"
    )
    parser.add_argument(
        "--valid", type=Path, nargs="+", metavar="FILE", help="files to evaluate the result on"
    )
    parser.add_argument("--output", type=Path, metavar="FILE", help="the .npz file to write")
    parser.add_argument(
        "--evaluate", type=Path, nargs="+", metavar="FILE", help="evaluate --tagger on these files"
    )
    parser.add_argument(
        "--tagger",
        default="en",
        help="name or path of the tagger to evaluate (default: %(default)s)",
    )
    parser.add_argument(
        "--epochs", type=int, default=5, metavar="N", help="number of epochs (default: %(default)s)"
    )
    parser.add_argument(
        "--batch-size",
        type=int,
        default=4096,
        metavar="N",
        help="number of words per step (default: %(default)s)",
    )
    parser.add_argument(
        "--lr",
        type=float,
        default=3e-3,
        metavar="LR",
        help="peak learning rate of Adam (default: %(default)s)",
    )
    parser.add_argument(
        "--warmup-steps",
        type=int,
        default=200,
        metavar="N",
        help="number of steps in which the learning rate grows (default: %(default)s)",
    )
    parser.add_argument(
        "--width",
        type=int,
        default=32,
        metavar="N",
        help="dimension of the feature vectors (default: %(default)s)",
    )
    parser.add_argument(
        "--hidden",
        type=int,
        nargs=2,
        default=[64, 32],
        metavar="N",
        help="units of the two hidden layers (default: 64 32)",
    )
    parser.add_argument(
        "--dropout",
        type=float,
        default=0.1,
        metavar="P",
        help="dropout of hidden units (default: %(default)s)",
    )
    parser.add_argument(
        "--word-dropout",
        type=float,
        default=0.1,
        metavar="P",
        help="fraction of the words to hide (default: %(default)s)",
    )
    parser.add_argument(
        "--min-count",
        type=int,
        default=10,
        metavar="N",
        help="leave out features that occur less often (default: %(default)s)",
    )
    parser.add_argument(
        "--lower-share",
        type=float,
        default=0.3,
        metavar="P",
        help="fraction of the texts to lower-case (default: %(default)s)",
    )
    parser.add_argument(
        "--seed", type=int, default=1, metavar="N", help="random seed (default: %(default)s)"
    )
    args = parser.parse_args()
    if bool(args.train) != bool(args.output) or not (args.train or args.evaluate):
        parser.error("pass either --evaluate, or --train and --output")
    return args


def main():
    show_input_errors_plainly()
    args = parse_args()
    for path in [*(args.train or []), *(args.valid or []), *(args.evaluate or [])]:
        require_file(path, "scripts/tag_with_spacy.py writes tagged text")
    require_folder_of(args.output)
    if args.train:
        tagger = train(args)
        with atomic_write(args.output) as part:
            tagger.save(part)
        print(f"{args.output}: {args.output.stat().st_size / 2**20:.2f} MiB\n")
    else:
        tagger = Tagger.load(args.tagger)
    for path in args.evaluate or args.valid or []:
        for lower in (False, True):
            print(f"{path}, {'lower-cased' if lower else 'as it is'}: ", end="")
            confusion = evaluate(tagger, [path], lower)
            print_table(confusion)
            print_parts_of_speech(confusion)


if __name__ == "__main__":
    main()
