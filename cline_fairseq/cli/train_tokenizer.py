"""Train a SentencePiece vocabulary, and write fairseq's dictionary of it.

Writes sentencepiece.model and dict.txt into a folder. The dictionary holds every piece of the
vocabulary, so that the rewriter can write any word with it; give it to fairseq-preprocess with
--srcdict:

    cline-fairseq train-tokenizer --input train.txt --dest vocabulary --vocab-size 8000
"""

import os
import sys
from collections.abc import Iterator, Sequence
from io import BytesIO
from pathlib import Path

import sentencepiece
from tqdm import tqdm

from ..atomic_io import atomic_write, make_folder
from ..errors import InputError
from ..preprocessing.reading import TextFile
from ..runtime.locking import alone
from .options import add_max_line_option, program_parser

MAX_BYTES_OF_LINE = 100_000  # SentencePiece leaves out longer lines


def lines_of(files: list[TextFile]) -> Iterator[bytes]:
    """The lines of files, some more megabytes a time; SentencePiece draws from them."""
    size = sum(file.path.stat().st_size for file in files)
    with tqdm(total=size, unit="B", unit_scale=True, desc="reading") as progress:
        for file in files:
            consumed = 0
            for block in file.blocks():
                yield from block.data.splitlines()
                progress.update(block.consumed - consumed)
                consumed = block.consumed


def train(
    inputs: list[Path], dest: Path, vocab_size: int, sample: int, seed: int, max_line: int
) -> None:
    """Train the vocabulary on at most ``sample`` lines, drawn at random."""
    files = [TextFile(path, max_line) for path in inputs]
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
        print(f"(the text has not enough words for {vocab_size:,})", file=sys.stderr)


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
            max_sentence_length=MAX_BYTES_OF_LINE,
            num_threads=os.cpu_count(),
            minloglevel=2,
        )
    except RuntimeError as error:
        raise InputError(
            f"SentencePiece cannot make {vocab_size} pieces of this text ({error}): give more text "
            "or another --vocab-size"
        ) from error
    return model.getvalue()


def main(argv: Sequence[str] | None = None) -> None:
    """Run the program."""
    parser = program_parser(__name__, __doc__)
    parser.add_argument(
        "--input", type=Path, nargs="+", required=True, help="text, plain or as .gz, .xz or .zst"
    )
    parser.add_argument("--dest", type=Path, required=True, help="folder to write into")
    parser.add_argument("--vocab-size", type=int, default=32000)
    parser.add_argument(
        "--sample", type=int, default=1_000_000, help="lines to train on, at most (default: 1M)"
    )
    parser.add_argument("--seed", type=int, default=1)
    add_max_line_option(parser)
    args = parser.parse_args(argv)
    options = (args.vocab_size, args.sample, args.seed, args.max_line_bytes)
    train(args.input, args.dest, *options)
