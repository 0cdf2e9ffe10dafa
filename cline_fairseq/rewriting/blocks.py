"""The rewriter of texts that are blocks of subword ids, as a data loader has them."""

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from .choice import Words, open_words
from .hashing import mix, powers
from .kinds import Kind
from .rewriter import MAX_TYPES, Rewriter
from .word_table import WordTable
from .words import Case, with_case

SPECIAL, WORD, PUNCTUATION = range(3)  # classes of subwords
_NUM_CASES = len(Case) - 1  # words in mixed case are not replaced
_QUOTE = '"'
UNKNOWN = "\ufffd".encode()  # the piece of letters that are not known
# Byte-level BPE writes a curly quote as two pieces: the first two bytes, and the last one.
_CURLY_START, _CURLY_APOSTROPHE_END = "’".encode()[:2], "’".encode()[2:]


class Vocabulary:
    """What the rewriter must know of a subword vocabulary.

    Args:
        pieces: for each id, its letters in UTF-8 without the space before a word, which may be a
            part of a letter; None for special tokens, :data:`UNKNOWN` for the unknown token and
            for tokens of letters that the tokenizer does not know.
        begins: for each id, whether it begins a word, which is to say a space stands before it.
        encode: the ids of a text. A text that cannot be written without unknown tokens gives [].
    """

    def __init__(
        self,
        pieces: Sequence[bytes | None],
        begins: Sequence[bool],
        encode: Callable[[str], list[int]],
    ):
        self.pieces = np.array([b"" if piece is None else piece for piece in pieces], object)
        self.begins = np.array(begins, bool)
        self.classes = np.array([_class_of(piece) for piece in pieces], np.int8)
        self.is_special = self.classes == SPECIAL
        self.is_unknown = np.array([piece == UNKNOWN for piece in pieces])
        # A bare space says nothing: its class is that of what follows.
        self.bare = np.array([piece == b"" for piece in pieces])
        # Nor does the end of a letter: its class is that of what stands before.
        self.goes_on = np.array([bool(piece) and 0x80 <= piece[0] < 0xC0 for piece in pieces])
        apostrophes_and_hyphens = [c.encode() for c in "'’-"]
        self.joins = np.array([p in apostrophes_and_hyphens for p in pieces]) & ~self.begins
        self.curly_start = np.array([p == _CURLY_START for p in pieces]) & ~self.begins
        self.curly_end = np.array([p == _CURLY_APOSTROPHE_END for p in pieces])
        self.hashes = mix(np.arange(len(pieces)) + 1)
        self._encode = encode
        self._quote = encode(_QUOTE)

    def __len__(self) -> int:
        return len(self.pieces)

    def encode_word(self, word: str, after_space: bool) -> list[int]:
        """The ids of a word inside a text; [] if it cannot be written there."""
        if after_space:
            return self._encode(" " + word)
        # Without a space before it, a word looks as it does behind an opening quote.
        ids = self._encode(_QUOTE + word)
        quote = len(self._quote)
        return ids[quote:] if quote and ids[:quote] == self._quote else []

    def words(self, tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Where words start in joined blocks (N,), and which block each is of (N,).

        A word starts where the tokenizer says so, and where letters meet punctuation; an
        apostrophe or a hyphen between letters is part of the word.
        """
        ends = np.cumsum(lengths)
        begins = self.begins[tokens]
        begins[(ends - lengths)[lengths > 0]] = True
        classes = self.classes[tokens]
        place = np.where(self.goes_on[tokens] & ~begins, 0, np.arange(len(tokens)))
        classes = classes[np.maximum.accumulate(place)]
        classes = np.where(self.bare[tokens], np.append(classes[1:], SPECIAL), classes)
        # Where a word goes on behind an apostrophe or a hyphen, of one piece or of two.
        letters = (classes == WORD) & ~begins
        before = np.insert(classes[:-1], 0, SPECIAL) == WORD
        joined = before & self.joins[tokens] & np.append(letters[1:], False)
        curly = before & self.curly_start[tokens]
        curly &= np.append(self.curly_end[tokens][1:], False)
        curly &= np.append(letters[2:], [False, False])[: len(tokens)]
        joined |= curly | np.insert(curly[:-1], 0, False)
        classes[joined] = WORD
        before = np.insert(classes[:-1], 0, SPECIAL)
        starts = np.flatnonzero(begins | (classes != before) | (classes == SPECIAL))
        return starts, np.searchsorted(ends, starts, side="right")


def _class_of(piece):
    if piece is None:
        return SPECIAL
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        # A part of a letter: what begins with these bytes are quotes, dashes and emoji.
        return PUNCTUATION if piece[0] in (0xE2, 0xF0) else WORD
    letters = any(map(str.isalnum, text)) or not text.strip("_")
    return WORD if letters or piece == UNKNOWN else PUNCTUATION


class BlockViews(NamedTuple):
    """One view of many blocks, joined."""

    tokens: np.ndarray  # int64 (N,)
    labels: np.ndarray  # int8 (N,), 1 for a replaced token, 0 for an original one, -1 for special
    content: np.ndarray  # bool (N,), tokens of words that could be replaced
    lengths: np.ndarray  # int64 (blocks,)
    changed: np.ndarray  # bool (blocks,), with a replacement of the kinds that make the view
    replaced_by_kind: dict[Kind, int]  # replaced tokens


class _Source(NamedTuple):
    """Blocks, joined, as words."""

    tokens: np.ndarray  # int (N,)
    starts: np.ndarray  # int (W,), where words start
    words: Words
    special: np.ndarray  # bool (W,)
    content: np.ndarray  # bool (W,), words that could be replaced
    num_blocks: int


class BlockRewriter:
    """Rewrites blocks of subword ids.

    Args:
        rewriter: draws the replacements.
        vocabulary: of the subword ids.
        max_length: of a view, in tokens; replacements that would make it longer are left out.
    """

    def __init__(self, rewriter: Rewriter, vocabulary: Vocabulary, max_length: int):
        self.rewriter, self.vocabulary, self.max_length = rewriter, vocabulary, max_length
        num_forms = len(rewriter.lexicon.forms)
        self._spelling_of = np.full(num_forms * _NUM_CASES * 2, -1, np.int32)
        self._spellings = _Spellings()
        self.forget()

    def forget(self) -> None:
        """Drop all that is known of words seen so far; views do not change by it."""
        self._table = WordTable(self.rewriter.lexicon, self.rewriter.tagger)
        self._known = np.empty(0, np.uint64)  # sorted hashes of words
        self._known_rows = np.empty(0, np.intp)

    def rewrite(
        self, blocks: Sequence[np.ndarray], epoch: int, indices: Sequence[int]
    ) -> tuple[BlockViews, BlockViews]:
        """The synonym views and the antonym views of blocks.

        Args:
            blocks: int arrays of ids, each of at most ``max_length``.
            epoch: of training; each epoch rewrites anew.
            indices: the number of each block in the corpus.
        """
        tokens = np.concatenate(blocks)
        lengths = np.array([len(block) for block in blocks])
        starts, text = self.vocabulary.words(tokens, lengths)
        word_lengths = np.diff(np.append(starts, len(tokens)))
        special = self.vocabulary.is_special[tokens[starts]]
        rows = self._rows(tokens, starts, word_lengths, special)
        words = Words(
            rows, text, special | self._cut(tokens, starts, word_lengths, lengths), word_lengths
        )

        after_space = self.vocabulary.begins[tokens[starts]]
        cases = self._table.case[rows]

        def spell(word, form):
            return self._spell(form, cases[word], after_space[word])

        def spelled_length(word, form):
            spellings = spell(word, form)  # may move the array of lengths
            return self._spellings.lengths[spellings]

        open_ = open_words(words, self._table, self.rewriter.tagger, len(blocks))
        content = np.zeros(len(starts), bool)
        content[open_.word] = True
        views = self.rewriter.choose_views(
            words,
            open_,
            epoch,
            indices,
            totals=np.bincount(text[~special], word_lengths[~special], minlength=len(blocks)),
            room=self.longest_view(lengths) - lengths,
            new_lengths=spelled_length,
        )
        source = _Source(tokens, starts, words, special, content, len(blocks))
        return tuple(
            self._write(source, choice, spell(choice.word, choice.form), list(view.kinds))
            for choice, view in zip(views, self.rewriter.views, strict=True)
        )

    def longest_view(self, lengths: np.ndarray) -> np.ndarray:
        """How long a view of a block may become: a quarter more than it, up to the limit."""
        return np.minimum(lengths + lengths // 4 + 2, np.maximum(self.max_length, lengths))

    def _cut(self, tokens, starts, word_lengths, lengths):
        """Words at the edge of a block that may go on beyond it."""
        edges = np.zeros(len(tokens) + 1, bool)
        block_ends = np.cumsum(lengths)
        edges[block_ends] = True
        cut = edges[starts + word_lengths]
        # The first word, behind <s>, unless it is marked as the beginning of one.
        first = (block_ends - lengths)[lengths > 1] + 1
        edges[:] = False
        edges[first] = True
        return cut | (edges[starts] & ~self.vocabulary.begins[tokens[starts]])

    def _rows(self, tokens, starts, word_lengths, special):
        """Rows of the word table; special tokens are boundaries."""
        if len(self._table) > MAX_TYPES:
            self.forget()
        place = np.arange(len(tokens)) - np.repeat(starts, word_lengths)
        factors = powers(int(word_lengths.max(initial=0)))
        letters = self.vocabulary.hashes[tokens] * factors[place]
        hashes = np.add.reduceat(letters, starts) if len(starts) else np.empty(0, np.uint64)
        at = np.searchsorted(self._known, hashes)
        known = np.append(self._known, np.uint64(0))[at] == hashes
        unknown = ~(known | special)
        if unknown.any():
            new, first = np.unique(hashes[unknown], return_index=True)
            first = np.flatnonzero(unknown)[first]
            pieces = self.vocabulary.pieces
            words = [
                b"".join(pieces[tokens[start : start + length]]).decode(errors="replace")
                for start, length in zip(starts[first], word_lengths[first], strict=True)
            ]
            rows = self._table.add(words)
            where = np.searchsorted(self._known, new)
            self._known = np.insert(self._known, where, new)
            self._known_rows = np.insert(self._known_rows, where, rows)
            at = np.searchsorted(self._known, hashes)
        return np.where(special, 0, np.append(self._known_rows, 0)[at])

    def _spell(self, form, case, after_space):
        """The spellings of forms: int (R,), indices into ``self._spellings``."""
        keys = (form * _NUM_CASES + case) * 2 + after_space
        spelling = self._spelling_of[keys]
        missing = np.unique(keys[spelling < 0])
        if len(missing):
            for key in missing.tolist():
                form_case, space = divmod(key, 2)
                form_, case_ = divmod(form_case, _NUM_CASES)
                word = with_case(self.rewriter.lexicon.forms[form_], Case(case_))
                ids = self.vocabulary.encode_word(word, bool(space))
                self._spelling_of[key] = self._spellings.add(ids)
            spelling = self._spelling_of[keys]
        return spelling

    def _write(self, source, choice, spellings, kinds):
        tokens, starts, words, special, content, num_blocks = source
        replaced = np.zeros(len(starts), bool)
        replaced[choice.word] = True
        lengths = words.lengths.copy()
        lengths[choice.word] = self._spellings.lengths[spellings]
        first = starts.copy()
        first[choice.word] = self._spellings.starts[spellings]
        changed = np.zeros(num_blocks, bool)
        changed[words.text[choice.word[np.isin(choice.kind, kinds)]]] = True
        by_kind = np.bincount(choice.kind, lengths[choice.word], minlength=len(Kind))
        ends = np.cumsum(lengths)
        at = np.repeat(first - (ends - lengths), lengths) + np.arange(lengths.sum())
        is_new = np.repeat(replaced, lengths)
        out = np.empty(len(at), np.int64)
        out[~is_new] = tokens[at[~is_new]]
        out[is_new] = self._spellings.ids[at[is_new]]
        labels = np.where(np.repeat(special, lengths), -1, is_new).astype(np.int8)
        return BlockViews(
            out,
            labels,
            np.repeat(content, lengths),
            np.bincount(words.text, lengths, minlength=num_blocks).astype(np.int64),
            changed,
            {kind: int(by_kind[kind]) for kind in Kind},
        )


class _Spellings:
    """Lists of ids, in one array that grows by doubling."""

    def __init__(self):
        self.ids = np.empty(1024, np.int64)
        self.starts = np.empty(256, np.int64)
        self.lengths = np.empty(256, np.int64)
        self._num_ids = self._count = 0

    def add(self, ids: list[int]) -> int:
        """Append a list, and return its index."""
        end = self._num_ids + len(ids)
        while end > len(self.ids):
            self.ids = np.resize(self.ids, 2 * len(self.ids))
        if self._count == len(self.starts):
            self.starts = np.resize(self.starts, 2 * self._count)
            self.lengths = np.resize(self.lengths, 2 * self._count)
        self.ids[self._num_ids : end] = ids
        self.starts[self._count], self.lengths[self._count] = self._num_ids, len(ids)
        self._num_ids = end
        self._count += 1
        return self._count - 1
