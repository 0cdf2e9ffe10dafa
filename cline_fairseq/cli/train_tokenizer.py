"""Train a SentencePiece tokenizer, and write fairseq's dictionary for it.

Writes sentencepiece.model and dict.txt to a folder. The dictionary holds every piece of the
vocabulary, so that the rewriter can spell any word with it; pass it to cline-fairseq encode with
--dict, or to fairseq-preprocess with --srcdict:

    cline-fairseq train-tokenizer --input train.txt --dest vocabulary --vocab-size 8000

It reads what cline-fairseq encode reads: text, JSON lines, Parquet and the folders of data sets.
"""

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import sentencepiece
from tqdm import tqdm

from ..atomic_io import atomic_write, make_folder
from ..errors import InputError
from ..preprocessing.corpus_files import open_source
from ..preprocessing.reading import Source
from ..runtime.locking import alone
from .options import add_corpus_options, add_seed_option, inputs_of, program_parser

MAX_LINE_BYTES = 100_000  # SentencePiece leaves out longer lines


def lines_of(files: list[Source]) -> Iterator[bytes]:
    """Yield the lines of files, with a progress bar; a few megabytes are in memory at a time."""
    size = sum(file.path.stat().st_size for file in files)
    with tqdm(total=size, unit="B", unit_scale=True, desc="reading") as progress:
        for file in files:
            consumed = 0
            for block in file.blocks():
                yield from block.data.splitlines()
                progress.update(block.consumed - consumed)
                consumed = block.consumed


def train(
    inputs: list[Path],
    dest: Path,
    vocab_size: int,
    sample: int,
    seed: int,
    max_line: int,
    text_field: str,
) -> None:
    """Train a tokenizer, and write its files.

    Args:
        inputs: files that :func:`~.corpus_files.open_source` reads.
        dest: folder to write to.
        vocab_size: number of pieces, at most.
        sample: number of lines to train on, at most; they are drawn at random.
        seed: random seed of the sample.
        max_line: greatest length of a line in bytes.
        text_field: the field with the text, in files with rows.

    Raises:
        InputError: if the text is unreadable, or too small for such a vocabulary.
    """
    files = [open_source(path, text_field, max_line) for path in inputs]
    make_folder(dest)
    with alone(dest / "sentencepiece.model"):
        trained = _train(files, vocab_size, sample, seed)
        model = sentencepiece.SentencePieceProcessor(model_proto=trained)
        pieces = [
            model.id_to_piece(i)
            for i in range(model.get_piece_size())
            if not (model.is_control(i) or model.is_unknown(i))
        ]
        with atomic_write(dest / "dict.txt") as dictionary:
            dictionary.write_text("".join(f"{piece} 1\n" for piece in pieces), encoding="utf-8")
        with atomic_write(dest / "sentencepiece.model") as part:
            part.write_bytes(trained)
    print(f"{dest / 'sentencepiece.model'}: {len(pieces):,} pieces", file=sys.stderr)
    if model.get_piece_size() < vocab_size:
        print(f"(the text does not have enough words for {vocab_size:,})", file=sys.stderr)


def _train(files, vocab_size, sample, seed):
    model = BytesIO()  # a file would hold its own path
    sentencepiece.set_random_generator_seed(seed)
    try:
        sentencepiece.SentencePieceTrainer.train(
            sentence_iterator=lines_of(files),
            model_writer=model,
            vocab_size=vocab_size,
            hard_vocab_limit=False,
            input_sentence_size=sample,
            shuffle_input_sentence=True,
            max_sentence_length=MAX_LINE_BYTES,
            num_threads=os.cpu_count(),
            minloglevel=2,
        )
    except RuntimeError as error:
        raise InputError(
            f"SentencePiece cannot make {vocab_size} pieces of this text ({error}): use more text "
            "or another --vocab-size"
        ) from error
    return model.getvalue()


def _parse_args(argv: Sequence[str] | None) -> argparse.Namespace:
    parser = program_parser(__name__, __doc__)
    add_corpus_options(parser)
    parser.add_argument(
        "--dest", type=Path, required=True, metavar="DIR", help="folder to write to"
    )
    parser.add_argument(
        "--vocab-size",
        type=int,
        default=32000,
        metavar="N",
        help="number of pieces in the vocabulary, at most (default: %(default)s)",
    )
    parser.add_argument(
        "--sample",
        type=int,
        default=1_000_000,
        metavar="N",
        help="maximum number of lines to train on, drawn at random (default: %(default)s)",
    )
    add_seed_option(parser, "random seed of the sample of lines")
    return parser.parse_args(argv)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    args = _parse_args(argv)
    inputs, text_field = inputs_of(args)
    options = (args.vocab_size, args.sample, args.seed, args.max_line_bytes, text_field)
    train(inputs, args.dest, *options)
