"""The front end for blocks of subword ids, which the data loader uses."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from .drawing import Words
from .engine import Engine
from .hashing import powers
from .kinds import Kind
from .spellings import Spellings
from .vocabulary import Vocabulary
from .word_table import MAX_WORDS


class BlockViews(NamedTuple):
    """One view of each block, one block after the other."""

    tokens: np.ndarray  # int64 (N,)
    labels: np.ndarray  # int8 (N,), 1 for a replaced token, 0 for an original one, -1 for special
    content: np.ndarray  # bool (N,), tokens of words that can be replaced
    lengths: np.ndarray  # int64 (blocks,)
    changed: np.ndarray  # bool (blocks,), with a replacement other than a filler
    replaced_by_kind: dict[Kind, int]  # number of replaced tokens


class _Blocks(NamedTuple):
    """Blocks, and their words."""

    tokens: np.ndarray  # int (N,), one block after the other
    starts: np.ndarray  # int (W,), where words start
    words: Words
    special: np.ndarray  # bool (W,), special tokens
    num_blocks: int


class BlockRewriter:
    """Rewrites blocks of subword ids.

    Args:
        engine: chooses the replacements.
        vocabulary: of the subword ids.
        max_length: maximum length of a view, in tokens. Replacements that would exceed it are left
            out.
    """

    def __init__(self, engine: Engine, vocabulary: Vocabulary, max_length: int):
        self.engine, self.vocabulary, self.max_length = engine, vocabulary, max_length
        self._spellings = Spellings(engine.lexicon.forms, vocabulary)
        self.forget()

    def forget(self) -> None:
        """Forget the words seen so far, to free memory; the views stay the same."""
        self._table = self.engine.new_table()
        self._known = np.empty(0, np.uint64)  # sorted hashes of words
        self._known_rows = np.empty(0, np.intp)  # their rows in the table

    def rewrite(
        self, blocks: Sequence[np.ndarray], epoch: int, indices: Sequence[int]
    ) -> tuple[BlockViews, BlockViews]:
        """Make the synonym views and the antonym views of blocks.

        Args:
            blocks: int arrays of ids, each of at most ``max_length``.
            epoch: of training; each epoch has views of its own.
            indices: the number of each block in the corpus.
        """
        source, lengths = self._find_words(blocks)
        words, special = source.words, source.special
        draws = self.engine.draw(words, self._table, epoch, indices)

        cases = self._table.case[words.rows]
        after_space = self.vocabulary.begins[source.tokens[source.starts]]
        new_lengths = []
        for view in draws.views:
            word_index = view.word_index
            spellings = self._spellings.spell(
                view.form_ids, cases[word_index], after_space[word_index]
            )
            new_lengths.append(self._spellings.lengths[spellings])

        totals = np.bincount(
            words.text_ids[~special], words.lengths[~special], minlength=len(blocks)
        )
        room = self.longest_view(lengths) - lengths
        chosen = self.engine.select(words, draws, new_lengths, totals, room)

        content = np.zeros(len(special), bool)
        content[draws.replaceable] = True
        synonym, antonym = (
            self._write(
                source,
                content,
                replacements,
                self._spellings.spell(
                    replacements.form_ids,
                    cases[replacements.word_index],
                    after_space[replacements.word_index],
                ),
                list(spec.kinds),
            )
            for replacements, spec in zip(chosen, self.engine.views, strict=True)
        )
        return synonym, antonym

    def longest_view(self, lengths: np.ndarray) -> np.ndarray:
        """The maximum length of the views of blocks, in tokens.

        It is a quarter more than the length of the block, and at most ``max_length``.
        """
        return np.minimum(lengths + lengths // 4 + 2, np.maximum(self.max_length, lengths))

    def _find_words(self, blocks):
        """The words of blocks, and the lengths of the blocks: int (blocks,)."""
        tokens = np.concatenate(blocks)
        lengths = np.array([len(block) for block in blocks])
        starts, text_ids = self.vocabulary.words(tokens, lengths)
        word_lengths = np.diff(np.append(starts, len(tokens)))
        special = self.vocabulary.is_special[tokens[starts]]
        rows = self._rows(tokens, starts, word_lengths, special)
        fixed = special | self._at_edges(tokens, starts, word_lengths, lengths)
        words = Words(rows, text_ids, fixed, word_lengths)
        return _Blocks(tokens, starts, words, special, len(blocks)), lengths

    def _at_edges(self, tokens, starts, word_lengths, lengths):
        """Words at the edges of a block, which may continue in the next or previous one."""
        edges = np.zeros(len(tokens) + 1, bool)
        block_ends = np.cumsum(lengths)
        edges[block_ends] = True
        last = edges[starts + word_lengths]
        # The first word is the one after <s>. It is whole if its token is marked as a beginning.
        first = (block_ends - lengths)[lengths > 1] + 1
        edges[:] = False
        edges[first] = True
        return last | (edges[starts] & ~self.vocabulary.begins[tokens[starts]])

    def _rows(self, tokens, starts, word_lengths, special):
        """Rows of the word table; special tokens have that of the boundary."""
        if len(self._table) > MAX_WORDS:
            self.forget()
        place = np.arange(len(tokens)) - np.repeat(starts, word_lengths)
        factors = powers(int(word_lengths.max(initial=0)))
        letters = self.vocabulary.hashes[tokens] * factors[place]
        hashes = np.add.reduceat(letters, starts) if len(starts) else np.empty(0, np.uint64)
        at = np.searchsorted(self._known, hashes)
        known = np.append(self._known, np.uint64(0))[at] == hashes
        is_new = ~(known | special)
        if is_new.any():
            new, first = np.unique(hashes[is_new], return_index=True)
            first = np.flatnonzero(is_new)[first]
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

    def _write(self, source, content, replacements, spellings, kinds):
        """Write a view.

        Args:
            source: the blocks.
            content: bool (W,), words that can be replaced.
            replacements: to make.
            spellings: int (R,), how to spell each of them.
            kinds: the kinds that make the view, without those of fillers.
        """
        tokens, starts, words, special, num_blocks = source
        word_index = replacements.word_index
        replaced = np.zeros(len(starts), bool)
        replaced[word_index] = True
        lengths = words.lengths.copy()
        lengths[word_index] = replacements.lengths
        first = starts.copy()
        first[word_index] = self._spellings.starts[spellings]
        changed = np.zeros(num_blocks, bool)
        changed[words.text_ids[word_index[np.isin(replacements.kinds, kinds)]]] = True
        by_kind = np.bincount(replacements.kinds, replacements.lengths, minlength=len(Kind))
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
            np.bincount(words.text_ids, lengths, minlength=num_blocks).astype(np.int64),
            changed,
            {kind: int(by_kind[kind]) for kind in Kind},
        )
