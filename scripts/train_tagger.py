#!/usr/bin/env python3
"""Train the part-of-speech tagger of the rewriter, or evaluate one.

Training text is a file of word/TAG pairs, one text a line, with Penn Treebank tags
(scripts/tag_with_spacy.py writes one from plain text):

    python scripts/train_tagger.py --train train.tagged --valid valid.tagged --output tagger.npz
    python scripts/train_tagger.py --evaluate valid.tagged --tagger en

A part of the texts is lower-cased for training (--lower-share), since real text often is.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from cline_fairseq.errors import show_input_errors_plainly
from cline_fairseq.files import written_whole
from cline_fairseq.rewriting.tagged_text import read_tagged
from cline_fairseq.rewriting.tagger import (
    SINGLES,
    WINDOW,
    Tagger,
    feature_rows,
    pad,
    pair_rows,
)
from cline_fairseq.rewriting.tags import TAG_INDEX, TAGS, fold_tag


def load_corpus(paths, lower_share, rng):
    """Texts as word types: the words, and padded ids and tags of the joined texts (-1: none)."""
    index = {"": 0}
    texts, tags = [], []
    for path in paths:
        for line in read_tagged(path):
            lower = rng.random() < lower_share
            words = [word.lower() if lower else word for word, _ in line]
            texts.append(np.array([index.setdefault(word, len(index)) for word in words]))
            tags.append(np.array([TAG_INDEX[fold_tag(tag)] for _, tag in line]))
    gold = np.concatenate([part for t in tags for part in ([-1] * WINDOW, t)] + [[-1] * WINDOW])
    return list(index), pad(texts), gold


def train(args) -> Tagger:
    """Fit the weights with Adagrad on the cross-entropy, and round them to 8 bits."""
    torch.manual_seed(args.seed)
    rng = np.random.default_rng(args.seed)
    words, ids, gold = load_corpus(args.train, args.lower_share, rng)
    print(f"{(gold >= 0).sum():,} words, {len(words):,} types")
    size = 1 << args.bits
    single, keys = feature_rows(words, size)
    starts = np.arange(0, len(ids) - 2 * WINDOW, args.batch_size)
    counts = torch.ones(size, dtype=torch.int64)
    if args.min_count > 1:
        counts.zero_()
        for start in tqdm(starts, desc="counting features", unit="step", mininterval=2):
            rows, _ = batch(single, keys, ids, gold, start, args.batch_size, size)
            counts += torch.bincount(rows.flatten(), minlength=size)
    rare = counts < args.min_count
    weights = torch.nn.EmbeddingBag(size + 1, len(TAGS), mode="sum", padding_idx=size, sparse=True)
    torch.nn.init.zeros_(weights.weight)
    optimizer = torch.optim.Adagrad(weights.parameters(), lr=args.lr, eps=1e-8)
    steps = args.epochs * len(starts)
    with tqdm(total=steps, unit="step", mininterval=2) as progress:
        for step, start in enumerate(
            start for _ in range(args.epochs) for start in rng.permutation(starts)
        ):
            optimizer.param_groups[0]["lr"] = args.lr * (1 - step / steps)
            rows, target = batch(single, keys, ids, gold, start, args.batch_size, size)
            rows[rare[rows]] = size  # a row that stays 0
            loss = torch.nn.functional.cross_entropy(weights(rows), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            progress.update()
            if step % 100 == 0:
                progress.set_postfix(loss=f"{loss.item():.4f}")
    exact = weights.weight.detach().numpy()[:size]
    scale = 127 / np.quantile(np.abs(exact), 0.99999)
    return Tagger(np.clip(np.rint(exact * scale), -127, 127).astype(np.int8))


def batch(single, keys, ids, gold, start, batch_size, size):
    """Rows (N, features) and tags (N,) of the words of one piece of the corpus."""
    piece = ids[start : start + batch_size + 2 * WINDOW]
    n = len(piece) - 2 * WINDOW
    target = gold[start + WINDOW :][:n]
    columns = [single[piece[WINDOW + o :][:n], i] for i, (o, _) in enumerate(SINGLES)]
    rows = np.stack([*columns, *pair_rows(keys, piece, size)], axis=1)
    words = target >= 0
    return torch.from_numpy(rows[words]), torch.from_numpy(target[words])


def evaluate(tagger, paths, lower=False):
    """Counts of (gold, predicted) tags, an int array (tags, tags)."""
    words, ids, gold = load_corpus(paths, float(lower), np.random.default_rng(0))
    found = tagger.tag_ids(tagger.types(words), ids)
    keep = gold >= 0
    confusion = np.zeros((len(TAGS), len(TAGS)), np.int64)
    np.add.at(confusion, (gold[keep], found[keep]), 1)
    return confusion


def print_table(confusion):
    """Print agreement overall and precision, recall and F1 per tag."""
    right = np.diag(confusion)
    print(f"{confusion.sum():,} words, agreement {100 * right.sum() / confusion.sum():.2f} %\n")
    print("| tag | words | precision | recall | F1 |\n|---|---|---|---|---|")
    for i, tag in enumerate(TAGS):
        in_gold, in_found = confusion[i].sum(), confusion[:, i].sum()
        precision, recall = right[i] / max(in_found, 1), right[i] / max(in_gold, 1)
        f1 = 2 * right[i] / max(in_gold + in_found, 1)
        print(f"| {tag} | {in_gold:,} | {precision:.3f} | {recall:.3f} | {f1:.3f} |")
    print()


def parse_args():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--train", type=Path, nargs="+", help="files to train on")
    parser.add_argument("--valid", type=Path, nargs="+", help="files to evaluate the result on")
    parser.add_argument("--output", type=Path, help="the .npz file to write")
    parser.add_argument("--evaluate", type=Path, nargs="+", help="evaluate --tagger on these files")
    parser.add_argument("--tagger", default="en", help="name or path of the tagger to evaluate")
    parser.add_argument("--bits", type=int, default=18, help="the table has 2**BITS rows")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--batch-size", type=int, default=2048, help="words a step")
    parser.add_argument("--lr", type=float, default=0.1, help="learning rate of Adagrad")
    parser.add_argument(
        "--min-count", type=int, default=1, help="leave out features that are seen less often"
    )
    parser.add_argument("--lower-share", type=float, default=0.3, help="texts to lower-case")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    if bool(args.train) != bool(args.output) or not (args.train or args.evaluate):
        parser.error("either --evaluate, or --train and --output are needed")
    return args


def main():
    show_input_errors_plainly()
    args = parse_args()
    if args.train:
        tagger = train(args)
        with written_whole(args.output) as part:
            tagger.save(part)
        print(f"{args.output}: {args.output.stat().st_size / 2**20:.2f} MiB\n")
    else:
        tagger = Tagger.load(args.tagger)
    for path in args.evaluate or args.valid or []:
        for lower in (False, True):
            print(f"{path}, {'lower-cased' if lower else 'as it is'}: ", end="")
            print_table(evaluate(tagger, [path], lower))


if __name__ == "__main__":
    main()
