"""Encode a corpus: read blocks of text, write fairseq's files, with any number of processes."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
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
from .cleaning import REPAIRED, Cleaning, clean_lines
from .corpus_files import TEXT_FIELD, has_rows, open_source
from .manifest import Manifest, describe, describe_tokenizer, file_digest
from .reading import BLOCK, MAX_LINE, Block, Source, ends_document
from .writers import BinaryOutput, TextOutput, token_dtype

_GROUP = 1 << 21  # bytes of text passed to a process at a time
_BLANK = "blank, within a row"  # as a reason why lines are left out


@dataclass(frozen=True)
class EncodingJob:
    """What to encode, and how.

    Attributes:
        inputs: files that :func:`~.corpus_files.open_source` reads; the end of a file ends a
            document.
        bpe: fairseq's configuration of the tokenizer.
        output: prefix of the .bin and .idx files, or path of the symbols as text.
        dictionary: the dict.txt of binarized output; None to write symbols as text.
        cleaning: how lines are cleaned before they are encoded.
        shard: (i, n): take every n-th block of documents, starting with block i.
        allow_unknown: fraction of the tokens that may be pieces the dictionary lacks.
        max_line: maximum length of a line in bytes.
        text_field: the field with the text, in files with rows.
    """

    inputs: list[Path]
    bpe: dict[str, Any]
    output: Path
    dictionary: Path | None = None
    cleaning: Cleaning = field(default_factory=Cleaning)
    shard: tuple[int, int] = (0, 1)
    allow_unknown: float = ALLOWED_UNKNOWN
    max_line: int = MAX_LINE
    text_field: str = TEXT_FIELD

    def sources(self) -> list[Source]:
        """Open the inputs, to read them once."""
        options = (self.text_field, self.max_line, self.cleaning.errors)
        return [open_source(path, *options) for path in self.inputs]

    @property
    def paths(self) -> list[Path]:
        """The files that the job writes."""
        if self.dictionary is None:
            return [self.output]
        return [self.output.with_name(f"{self.output.name}.{end}") for end in ("bin", "idx")]

    @property
    def manifest(self) -> Manifest:
        """The manifest of the output."""
        options = {
            "tokenizer": describe_tokenizer(self.bpe),
            "dictionary": self.dictionary and file_digest(self.dictionary),
            "shard": "{}/{}".format(*self.shard),
            **self.cleaning._asdict(),
        }
        if any(map(has_rows, self.inputs)):
            options["text_field"] = self.text_field
        return Manifest(self.output.with_name(f"{self.output.name}.manifest.json"), options)


@dataclass
class Counts:
    """What an output contains, and what was dropped.

    Attributes:
        documents: number of documents, which are runs of lines that are not blank.
        lines: number of lines, including blank ones.
        tokens: subwords, plus one for the end of each line, as fairseq-preprocess counts.
        unknown: tokens that became ``<unk>``; counted for binarized output only.
        missing: those of them that are pieces the dictionary lacks.
        repaired: lines in which U+FFFD replaces bytes that are not UTF-8.
        left_out: dropped lines, by reason.
    """

    documents: int = 0
    lines: int = 0
    tokens: int = 0
    unknown: int = 0
    missing: int = 0
    repaired: int = 0
    left_out: Counter = field(default_factory=Counter)

    def count(
        self, data: np.ndarray, sizes: np.ndarray, missing: np.ndarray, starts_document: bool
    ) -> None:
        """Count the lines of a block.

        Args:
            data: tokens, or the uint8 bytes of symbols as text.
            sizes: int (lines,), length of each line in ``data``.
            missing: int (lines,), tokens of each line that are pieces the dictionary lacks.
            starts_document: whether the first line starts a document.
        """
        text = sizes > 1  # a blank line consists of its end alone
        after_blank = np.insert(~text[:-1], 0, starts_document)[: len(text)]
        self.documents, self.lines = int((text & after_blank).sum()), len(sizes)
        if data.dtype == np.uint8:
            self.tokens = int((data == ord(" ")).sum() + text.sum()) + len(sizes)
        else:
            self.tokens, self.unknown = len(data), int((data == UNKNOWN).sum())
            self.missing = int(missing.sum())


class _Encoded(NamedTuple):
    """The lines of a block, concatenated, as tokens or as the bytes of symbols."""

    data: np.ndarray  # tokens in the dtype in which they are stored, or uint8 bytes
    sizes: np.ndarray  # int32 (lines,), length of each line in data
    counts: Counts
    consumed: int  # see Block
    path: Path


def encode(
    job: EncodingJob,
    workers: int = 1,
    overwrite: bool = False,
    progress: Callable[[int], None] = lambda count: None,
    report: Callable[[str], None] = lambda message: None,
) -> dict[str, Any]:
    """Make the output of a job, unless it is already complete.

    Args:
        job: what to encode.
        workers: number of processes; does not change the output.
        overwrite: whether output that was made with other options may be replaced.
        progress: called with the number of bytes read since the last call.
        report: called with messages for the user.

    Returns:
        the fields of :class:`Counts`, by name.

    Raises:
        InputError: if an input or an option is invalid, or if the output cannot be written.
            Existing output is then kept.
    """
    for path in job.inputs:
        require_text(path)
    dictionary = None
    if job.dictionary is None:  # an error should come from here rather than from a worker
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
            f"cannot write {job.paths[0]} ({error.strerror or error}): choose another place to "
            "write to"
        ) from error


def _encode_alone(job, dictionary, workers, overwrite, progress, report):
    manifest = job.manifest
    left = "--overwrite" if overwrite else manifest.reason_to_rebuild(job.inputs, job.paths)
    if left is None:
        report(f"{job.paths[0]} is complete: nothing to do")
        return manifest.counts
    if left != "new" and any(path.exists() for path in job.paths):
        report(f"making {job.paths[0]} again: {left}")
    if dictionary:
        _check_dictionary(dictionary, job.output.with_name("dict.txt"), overwrite, report)
    manifest.start()
    with _open_output(job, dictionary) as output:
        files = job.sources()
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
    """Why there is no text to write, and what to do."""
    part, parts = job.shard
    left_out = [
        f"{count:,} {reason}"
        for reason, count in sorted(counts.left_out.items())
        if count and reason != _BLANK
    ]
    if left_out:
        what = "the text" if parts == 1 else f"shard {part}/{parts}"
        return f"cleaning dropped all lines of {what} ({', '.join(left_out)}); relax its options"
    blocks = sum(1 for source in job.sources() for _ in source.blocks())
    if 0 < blocks <= part:
        return (
            f"shards get whole blocks of documents ({BLOCK >> 10} KB or more), and the text has "
            f"only {blocks:,}; use at most {blocks:,} shards, numbered 0/{blocks} to "
            f"{blocks - 1}/{blocks}"
        )
    return "the text is empty or has only blank lines; use another --input"


def _encode_blocks(job, files, output, workers, progress):
    total = Counts()
    done: Counter[Path] = Counter()
    blocks = _shard(files, job.shard)
    encoded = ordered_map(_encode_group, _groups(blocks), workers, _start_worker, (job,))
    for block in chain.from_iterable(encoded):
        counts = block.counts
        output.write(block.data, block.sizes)
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


def _shard(files: list[Source], shard: tuple[int, int]) -> Iterator[Block]:
    """The blocks of a shard, with a blank line added where a document ends without one."""
    part, parts = shard
    number, ended = 0, True
    for file in files:
        for block in file.blocks():
            if number % parts == part:
                # With several shards, blocks of the same shard are never adjacent in the text.
                if not ended and (block.starts_document or parts > 1):
                    data = b"\n" + block.data
                    yield block._replace(data=data, line=block.line - 1, starts_document=False)
                else:
                    yield block
                ended = ends_document(block.data)
            number += 1


def _groups(blocks: Iterator[Block]) -> Iterator[list[Block]]:
    """Blocks, grouped into a few megabytes: with less, processes would wait for work."""
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
            f"{path} is another dictionary, and all files of a folder share one: use another "
            "--dest, or --overwrite"
        )
    report(f"{path} is replaced: files in its folder that were made with the old one do not fit")


class _BlockEncoder:
    """Encodes blocks for a job."""

    def __init__(self, job: EncodingJob):
        self._cleaning = job.cleaning
        self._dtype: type = np.uint8
        self._encode: Callable[[list[str]], Iterable[np.ndarray]]
        if job.dictionary is None:
            self._text = load_subword_model(job.bpe).text
            self._encode = self._symbols
        else:
            dictionary = PlainDictionary(job.dictionary)
            self._dtype = token_dtype(len(dictionary))
            self._encode = Tokenizer(job.bpe, dictionary).index

    def encode(self, block: Block) -> _Encoded:
        lines, left_out = clean_lines(block, self._cleaning)
        left_out[_BLANK] += block.blank
        counts = Counts(repaired=left_out.pop(REPAIRED, 0), left_out=left_out)
        data, sizes, missing = self._encode(lines)
        # Small dtypes, because all of this is sent to another process.
        data, sizes = data.astype(self._dtype, copy=False), sizes.astype(np.int32)
        counts.count(data, sizes, missing, block.starts_document)
        return _Encoded(data, sizes, counts, block.consumed, block.path)

    def _symbols(self, lines):
        """The lines as the bytes of symbols, like :class:`~cline_fairseq.tokenizer.Indexed`."""
        encoded = [f"{self._text(line) if line else ''}\n".encode() for line in lines]
        sizes = np.fromiter(map(len, encoded), np.int64, len(encoded))
        return np.frombuffer(b"".join(encoded), np.uint8), sizes, np.zeros_like(sizes)


_encoder: _BlockEncoder | None = None  # of this worker process


def _start_worker(job: EncodingJob) -> None:
    global _encoder
    _encoder = _BlockEncoder(job)


def _encode_group(blocks: list[Block]) -> list[_Encoded]:
    assert _encoder is not None
    return [_encoder.encode(block) for block in blocks]
