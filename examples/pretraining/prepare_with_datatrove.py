#!/usr/bin/env python3
"""Prepare a corpus with datatrove: on this machine, or on a Slurm cluster.

datatrove (https://github.com/huggingface/datatrove) runs the same pipeline on one machine, on
Slurm or on Ray, and skips finished tasks when it is started again. Each task
makes a shard for fairseq-train shard0:shard1:...:

    python examples/pretraining/prepare_with_datatrove.py --bpe sentencepiece \\
        --sentencepiece-model sentencepiece.model --dict dict.txt \\
        --input wiki.txt.xz books.txt.gz --dest data-bin --logs logs --tasks 16 --workers 8

--executor slurm --partition NAME submits it. datatrove's own readers and filters can come
before Binarize, which takes any stream of documents.
"""

if __name__ == "__main__":  # before the imports, which take long
    from cline_fairseq.runtime.interrupts import end_at_once

    end_at_once()

import argparse
from itertools import chain, groupby
from pathlib import Path

from datatrove.data import Document
from datatrove.executor import LocalPipelineExecutor, SlurmPipelineExecutor
from datatrove.pipeline.base import PipelineStep

from cline_fairseq.cli.options import add_allow_unknown_option, add_tokenizer_options
from cline_fairseq.dictionary import UNKNOWN, PlainDictionary, require_known
from cline_fairseq.errors import InputError, show_input_errors_plainly
from cline_fairseq.preprocessing.cleaning import Cleaning, clean_lines
from cline_fairseq.preprocessing.reading import TextFile
from cline_fairseq.preprocessing.writers import BinaryOutput
from cline_fairseq.tokenizer import Tokenizer, TokenizerFiles


class ReadText(PipelineStep):
    """Documents of text files: one paragraph per line, blank lines between documents."""

    name, type = "Text files", "📖 - READER"

    def __init__(self, paths: list[str]):
        super().__init__()
        self.paths = paths

    def run(self, data=None, rank: int = 0, world_size: int = 1):
        """Yield each document of every world_size-th block of the files."""
        blocks = chain.from_iterable(TextFile(Path(path)).blocks() for path in self.paths)
        for number, block in enumerate(blocks):
            if number % world_size == rank:
                lines, _ = clean_lines(block, Cleaning())
                documents = (group for text, group in groupby(lines, key=bool) if text)
                for i, document in enumerate(documents):
                    self.stat_update("documents")
                    yield Document(text="\n".join(document), id=f"{number}/{i}")


class Binarize(PipelineStep):
    """Write a shard of fairseq's binarized files: a line for each paragraph, a blank one behind."""

    name, type = "fairseq's binarized files", "💾 - WRITER"

    def __init__(self, bpe: dict, dictionary: str, dest: str, split: str, allow_unknown: float):
        super().__init__()
        self.bpe, self.dictionary = bpe, dictionary
        self.dest, self.split, self.allow_unknown = dest, split, allow_unknown

    def run(self, data, rank: int = 0, world_size: int = 1):
        """Write the documents; the files appear when all are there."""
        dictionary = PlainDictionary(Path(self.dictionary))
        tokenizer = Tokenizer(self.bpe, dictionary)
        prefix = Path(self.dest) / f"shard{rank}" / self.split
        total = missing = 0
        with BinaryOutput(prefix, len(dictionary), dictionary) as output:
            for document in data:
                with self.track_time():
                    paragraphs = filter(None, map(str.strip, document.text.split("\n")))
                    tokens, sizes, lacking = tokenizer.index([*paragraphs, ""])
                    output.write(tokens, sizes)
                total += len(tokens)
                missing += int(lacking.sum())
                self.stat_update("tokens", value=len(tokens))
                self.stat_update("unknown tokens", value=int((tokens == UNKNOWN).sum()))
                yield document
            if not total:
                raise InputError(f"{prefix} would be empty: pass fewer --tasks, or more text")
            require_known(missing, total, self.allow_unknown, "the text")
            output.commit()


def build_executor(args):
    """The pipeline, with what runs it."""
    config = TokenizerFiles.of(args).config()
    pipeline = [
        ReadText([str(path) for path in args.input]),
        Binarize(config, str(args.dict), str(args.dest), args.split, args.allow_unknown),
    ]
    common = {"pipeline": pipeline, "tasks": args.tasks, "logging_dir": str(args.logs)}
    if args.executor == "local":
        return LocalPipelineExecutor(**common, workers=args.workers)
    return SlurmPipelineExecutor(
        **common,
        workers=args.workers,
        job_name="prepare",
        time=args.time,
        partition=args.partition,
        mem_per_cpu_gb=2,
    )


def main():
    show_input_errors_plainly()
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--input", type=Path, nargs="+", required=True, help="text files")
    parser.add_argument("--dest", type=Path, required=True, help="folder of the shards")
    parser.add_argument("--split", default="train", help="name of the split (default: %(default)s)")
    parser.add_argument("--dict", type=Path, required=True, help="fairseq's dictionary")
    add_tokenizer_options(parser)
    add_allow_unknown_option(parser)
    parser.add_argument("--logs", type=Path, required=True, help="datatrove's logs and markers")
    parser.add_argument("--tasks", type=int, default=1, help="number of shards (default: 1)")
    parser.add_argument(
        "--workers", type=int, default=1, help="number of tasks at a time (default: 1)"
    )
    parser.add_argument(
        "--executor",
        choices=("local", "slurm"),
        default="local",
        help="where to run (default: %(default)s)",
    )
    parser.add_argument("--partition", help="partition of Slurm")
    parser.add_argument(
        "--time", default="04:00:00", help="time limit of a Slurm job (default: %(default)s)"
    )
    args = parser.parse_args()
    PlainDictionary(args.dict)  # complains here rather than in a task
    build_executor(args).run()


if __name__ == "__main__":
    main()
