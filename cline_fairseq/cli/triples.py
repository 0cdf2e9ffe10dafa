"""Triples of an original and its views, for the programs that compare models on them."""

import argparse
import sys
from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from tqdm import tqdm

from ..atomic_io import require_text
from ..errors import InputError
from ..evaluation.in_turn import load_in_turn
from ..evaluation.triples import Triple, make_triples, read_triples, write_triples
from ..evaluation.truncation import truncation_sentence
from ..tokenizer import TokenizerFiles
from ..utf8 import decode_lines
from .options import (
    add_checkpoints_options,
    add_quoting_option,
)
from .rewrite import add_rewriter_options, build_rewriter

if TYPE_CHECKING:
    from ..inference import Predictor


class Triples(NamedTuple):
    """Triples, and the number of sentences that were left out."""

    triples: list[Triple]
    left_out: int


def add_triples_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`load_triples` to a program."""
    group = parser.add_argument_group("triples")
    source = group.add_mutually_exclusive_group()
    source.add_argument(
        "--input",
        type=Path,
        metavar="FILE",
        help="text with one sentence per line (default: standard input)",
    )
    source.add_argument(
        "--triples", type=Path, metavar="FILE", help="triples of your own: TSV or JSON lines"
    )
    group.add_argument(
        "--save-triples",
        type=Path,
        metavar="FILE",
        help="write the triples to this .tsv or .jsonl file",
    )
    add_quoting_option(group, "a TSV of --triples")
    group.add_argument(
        "--edits",
        choices=("matched", "paper"),
        default="matched",
        help="matched: replace the same number of words in both views; paper: follow "
        "--synonym-ratio and --antonym-ratio (default: %(default)s)",
    )
    add_rewriter_options(group)


def add_model_options(parser: argparse.ArgumentParser) -> None:
    """Add the options of :func:`each_predictor` to a program."""
    group = parser.add_argument_group("checkpoints")
    add_checkpoints_options(
        group, "a CLINE or RoBERTa model", "folder with the dict.txt of all checkpoints"
    )
    group.add_argument(
        "--device", help="torch device, e.g. cpu or cuda:1 (default: a GPU if one is available)"
    )


def load_triples(args: argparse.Namespace) -> Triples:
    """Read or make the triples that the options name, and save them if asked to.

    Raises:
        InputError: if no triple is found.
    """
    found = (
        Triples(read_triples(args.triples, args.quoting), 0)
        if args.triples
        else rewrite_sentences(args)
    )
    if args.save_triples:
        write_triples(args.save_triples, found.triples)
    return found


def rewrite_sentences(args: argparse.Namespace) -> Triples:
    """Make triples from the sentences that the options name.

    Raises:
        InputError: if no sentence has replacements in both views.
    """
    if args.input:
        require_text(args.input)
    data = args.input.read_bytes() if args.input else sys.stdin.buffer.read()
    name = str(args.input or "standard input")
    sentences = decode_lines(data, name)
    count = sum(not sentence.isspace() for sentence in sentences if sentence)
    if not count:
        raise InputError(f"{name} contains no sentences: expected one per line")
    with tqdm(total=count, desc="rewriting", unit=" sentences", disable=None) as bar:
        rewriter = build_rewriter(args, args.edits == "matched")
        triples, left_out = make_triples(sentences, rewriter, bar.update)
    if not triples:
        raise InputError(
            f"{name} contains no sentence with replacements in both views ({left_out:,} were left "
            "out): use longer English sentences, or higher ratios"
        )
    return Triples(triples, left_out)


def describe(found: Triples, truncation: Mapping[str, Mapping[str, int]]) -> str:
    """Describe what was measured on, for people.

    Args:
        found: the triples.
        truncation: what :func:`count_truncated` returns, keyed by the checkpoints' names.
    """
    lines = [f"triples: {len(found.triples):,}"]
    if found.left_out:
        lines.append(f"sentences left out, without a replacement in a view: {found.left_out:,}")
    sentences = [truncation_sentence(name, counts) for name, counts in truncation.items()]
    return "\n".join([*lines, *filter(None, sentences)])


def summary(found: Triples, args: argparse.Namespace) -> dict[str, Any]:
    """Describe what was measured on as plain values, with the options that it depends on."""
    return {
        **({} if args.triples else {"edits": args.edits}),
        "triples": len(found.triples),
        "left_out": found.left_out,
        "seed": args.seed,
        "resamples": args.resamples,
    }


def each_predictor(args: argparse.Namespace) -> "Iterator[tuple[str, Predictor]]":
    """Yield the predictors of the checkpoints one by one, with their names."""
    from ..inference import Predictor  # imports torch, which takes seconds

    options: dict[str, Any] = TokenizerFiles.of(args).given()
    return load_in_turn(
        {
            name: partial(Predictor.from_checkpoint, path, args.data, device=args.device, **options)
            for name, path in args.checkpoint
        }
    )
