"""Encoding of a corpus: blocks of text in, fairseq's files out, by any number of processes."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from ..atomic_io import make_folder, require_text
from ..dictionary import ALLOWED_UNKNOWN, UNKNOWN, PlainDictionary, require_known
from ..errors import InputError
from ..parallel import ordered_map
from ..runtime.full_disk import room_for
from ..runtime.locking import alone
from ..tokenizer import Tokenizer, load_subword_model
from .cleaning import REPAIRED, Cleaning, RecentLines, clean_lines, line_hashes
from .manifest import Manifest, describe, file_digest
from .reading import BLOCK, MAX_LINE, Block, TextFile, ends_document
from .writers import BinaryOutput, TextOutput, token_dtype

_GROUP = 1 << 21  # bytes of text that go to a process at a time


@dataclass(frozen=True)
class EncodingJob:
    """What to encode, and how.

    Attributes:
        inputs: text files; each one ends a document.
        bpe: fairseq's configuration of the tokenizer.
        output: the prefix of the .bin and .idx files, or the file of symbols.
        dictionary: the dict.txt of the binarized output; None for an output of symbols.
        cleaning: what is done to lines first.
        drop_duplicates: leave out lines that were there before.
        shard: (i, n), take each n-th block of documents from the i-th on.
        allow_unknown: share of the tokens that may be pieces which the dictionary lacks.
        max_line: most bytes of a line.
    """

    inputs: list[Path]
    bpe: dict[str, Any]
    output: Path
    dictionary: Path | None = None
    cleaning: Cleaning = field(default_factory=Cleaning)
    drop_duplicates: bool = False
    shard: tuple[int, int] = (0, 1)
    allow_unknown: float = ALLOWED_UNKNOWN
    max_line: int = MAX_LINE

    @property
    def paths(self) -> list[Path]:
        """The files to write."""
        if self.dictionary is None:
            return [self.output]
        return [self.output.with_name(f"{self.output.name}.{end}") for end in ("bin", "idx")]

    @property
    def manifest(self) -> Manifest:
        """The manifest of the output."""
        model = [Path(value) for value in self.bpe.values() if isinstance(value, str)][1:]
        options = {
            "tokenizer": [self.bpe["_name"], *map(file_digest, model)],
            "dictionary": self.dictionary and file_digest(self.dictionary),
            "shard": "{}/{}".format(*self.shard),
            "drop_duplicates": self.drop_duplicates,
            **self.cleaning._asdict(),
        }
        return Manifest(self.output.with_name(f"{self.output.name}.manifest.json"), options)


@dataclass
class Counts:
    """What an output holds, and what was left out of it.

    Attributes:
        documents: runs of lines with text.
        lines: all lines of the output, blank ones too.
        tokens: subwords, and one for the end of each line, as fairseq-preprocess counts.
        unknown: tokens that the dictionary lacks; counted in binarized output only.
        repaired: lines in which U+FFFD stands for bytes that are no UTF-8.
        left_out: lines that the output lacks, by reason.
    """

    documents: int = 0
    lines: int = 0
    tokens: int = 0
    unknown: int = 0
    missing: int = 0  # of the unknown ones, pieces which the dictionary lacks
    repaired: int = 0
    left_out: Counter = field(default_factory=Counter)

    def count(
        self, data: np.ndarray, sizes: np.ndarray, missing: np.ndarray, starts_document: bool
    ) -> None:
        """Count lines as they are written; ``data`` are tokens, or the bytes of symbols."""
        text = sizes > 1  # a blank line is its end alone
        after_blank = np.insert(~text[:-1], 0, starts_document)[: len(text)]
        self.documents, self.lines = int((text & after_blank).sum()), len(sizes)
        if data.dtype == np.uint8:
            self.tokens = int((data == ord(" ")).sum() + text.sum()) + len(sizes)
        else:
            self.tokens, self.unknown = len(data), int((data == UNKNOWN).sum())
            self.missing = int(missing.sum())


class _Encoded(NamedTuple):
    """A block as tokens, or as the bytes of a text of symbols: lines, joined."""

    data: np.ndarray  # tokens in the type in which they are stored, or uint8 bytes
    sizes: np.ndarray  # int32 (lines,), how much of data each line is
    missing: np.ndarray  # int32 (lines,), tokens that are pieces which the dictionary lacks
    hashes: np.ndarray | None  # uint64 (lines,), to find repeated ones
    counts: Counts
    starts_document: bool
    consumed: int
    path: Path


def encode(
    job: EncodingJob,
    workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[int], None] = lambda count: None,
    report: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Make the output of a job, unless it is complete already.

    Args:
        job: what to encode.
        workers: processes. The output is the same for any number.
        overwrite: whether an output of other options may be replaced.
        progress: called with the number of bytes of input that were done.
        report: called with what people should know.

    Returns:
        the counts of the output, as :class:`Counts` has them.

    Raises:
        InputError: for all that a user can mend. An output that was there before is kept then.
    """
    for path in job.inputs:
        require_text(path)
    dictionary = None
    if job.dictionary is None:  # complains here rather than in a worker
        load_subword_model(job.bpe)
    else:
        dictionary = PlainDictionary(job.dictionary)
        Tokenizer(job.bpe, dictionary)
    try:
        make_folder(job.output.parent)
        with room_for(job.paths[0]), alone(job.output):
            return _encode_alone(job, dictionary, workers, overwrite, progress, report)
    except InputError:
        raise
    except OSError as error:
        raise InputError(
            f"cannot write {job.paths[0]} ({error.strerror or error}): give another place to "
            "write to"
        ) from error


def _encode_alone(job, dictionary, workers, overwrite, progress, report):
    manifest = job.manifest
    left = "--overwrite" if overwrite else manifest.reason_to_rebuild(job.inputs, job.paths)
    if left is None:
        report(f"{job.paths[0]} is complete: nothing to do")
        return manifest.counts
    if left != "new" and any(path.exists() for path in job.paths):
        report(f"making {job.paths[0]} anew: {left}")
    if dictionary:
        _check_dictionary(dictionary, job.output.with_name("dict.txt"), overwrite, report)
    manifest.start()
    with _open_output(job, dictionary) as output:
        files = [TextFile(path, job.max_line) for path in job.inputs]
        counts = _encode_blocks(job, files, output, workers, progress)
        if not counts.documents:
            raise InputError(
                f"there is nothing to write to {job.paths[0]}: {_why_empty(job, counts)}"
            )
        require_known(counts.missing, counts.tokens, job.allow_unknown, "the text")
        digests = output.commit()
    manifest.finish(
        [describe(file.path, file.stat, file.digest) for file in files],
        [describe(path, digest=digest) for path, digest in zip(job.paths, digests, strict=True)],
        {**vars(counts), "left_out": dict(counts.left_out)},
    )
    return manifest.counts


def _why_empty(job, counts):
    """Why no text is left for an output, and what to do."""
    part, parts = job.shard
    left_out = [f"{count:,} {reason}" for reason, count in sorted(counts.left_out.items()) if count]
    if left_out:
        what = "the text" if parts == 1 else f"shard {part}/{parts}"
        return f"cleaning left out all lines of {what} ({', '.join(left_out)}); relax its options"
    blocks = sum(1 for path in job.inputs for _ in TextFile(path, job.max_line).blocks())
    if 0 < blocks <= part:
        return (
            f"shards get whole blocks of documents ({BLOCK >> 10} KB or more), and the text has "
            f"only {blocks:,}; give at most {blocks:,} shards, numbered 0/{blocks} to "
            f"{blocks - 1}/{blocks}"
        )
    return "the text is empty, or has nothing but blank lines; give other --input"


def _encode_blocks(job, files, output, workers, progress):
    total = Counts()
    recent = RecentLines() if job.drop_duplicates else None
    done: Counter = Counter()
    blocks = _shard(files, job.shard)
    encoded = ordered_map(_encode_group, _groups(blocks), workers, _start_worker, (job,))
    for block in chain.from_iterable(encoded):
        data, sizes, counts = block.data, block.sizes, block.counts
        if recent:
            keep = ~recent.repeated(block.hashes)
            data, sizes = data[np.repeat(keep, sizes)], sizes[keep]
            counts.count(data, sizes, block.missing[keep], block.starts_document)
            counts.left_out["repeated"] += len(keep) - len(sizes)
        output.write(data, sizes)
        total.documents += counts.documents
        total.lines += counts.lines
        total.tokens += counts.tokens
        total.unknown += counts.unknown
        total.missing += counts.missing
        total.repaired += counts.repaired
        total.left_out += counts.left_out
        progress(block.consumed - done[block.path])
        done[block.path] = block.consumed
    return total


def _shard(files: list[TextFile], shard: tuple[int, int]) -> Iterator[Block]:
    """The blocks of a shard, with a blank line where a document ends without one."""
    part, parts = shard
    number, ended = 0, True
    for file in files:
        for block in file.blocks():
            if number % parts == part:
                # Of several shards, no two blocks follow each other in the text.
                if not ended and (block.starts_document or parts > 1):
                    data = b"\n" + block.data
                    yield block._replace(data=data, line=block.line - 1, starts_document=False)
                else:
                    yield block
                ended = ends_document(block.data)
            number += 1


def _groups(blocks: Iterator[Block]) -> Iterator[list[Block]]:
    """Blocks of some megabytes together: for less, processes wait for work."""
    group: list[Block] = []
    for block in blocks:
        group.append(block)
        if sum(len(block.data) for block in group) >= _GROUP:
            yield group
            group = []
    if group:
        yield group


def _open_output(job, dictionary):
    if dictionary is None:
        return TextOutput(job.output)
    return BinaryOutput(job.output, len(dictionary), dictionary)


def _check_dictionary(dictionary, path, overwrite, report):
    if not path.exists() or PlainDictionary(path).symbols == dictionary.symbols:
        return
    if not overwrite:
        raise InputError(
            f"{path} is another dictionary: a folder has one for all its files; give another "
            "--dest, or --overwrite"
        )
    report(f"{path} is replaced: what was made with the old one in its folder does not fit")


def _start_worker(job: EncodingJob) -> None:
    global _job, _model, _tokenizer, _dtype
    _job, _tokenizer, _dtype = job, None, np.uint8
    if job.dictionary is None:
        _model = load_subword_model(job.bpe)
    else:
        dictionary = PlainDictionary(job.dictionary)
        _tokenizer, _dtype = Tokenizer(job.bpe, dictionary), token_dtype(len(dictionary))


def _encode_group(blocks: list[Block]) -> list[_Encoded]:
    return [_encode_block(block) for block in blocks]


def _encode_block(block: Block) -> _Encoded:
    lines, left_out = clean_lines(block, _job.cleaning)
    counts = Counts(repaired=left_out.pop(REPAIRED, 0), left_out=left_out)
    hashes = line_hashes(lines) if _job.drop_duplicates else None
    if _tokenizer:
        data, sizes, missing = _tokenizer.index(lines)
    else:
        texts = [_model.text(line) + "\n" if line else "\n" for line in lines]
        encoded = [text.encode() for text in texts]
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
        data, missing = np.frombuffer(b"".join(encoded), np.uint8), np.zeros_like(sizes)
    # In few bytes, since all this goes from process to process.
    data, sizes = data.astype(_dtype, copy=False), sizes.astype(np.int32)
    missing = missing.astype(np.int32)
    counts.count(data, sizes, missing, block.starts_document)
    where = (block.starts_document, block.consumed, block.path)
    return _Encoded(data, sizes, missing, hashes, counts, *where)
