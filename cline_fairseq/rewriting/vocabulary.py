"""A vocabulary of subwords, and the words that its tokens make up."""

from collections.abc import Callable, Sequence

import numpy as np

from .hashing import mix
from .unspaced import Joints

_SPECIAL, _WORD, _PUNCTUATION = range(3)  # classes of subwords
_QUOTE = '"'
# Stands for letters outside the vocabulary.
UNKNOWN_PIECE = "\ufffd".encode()
# Byte-level BPE writes a curly quote as two pieces: the first two bytes, and the last one.
_CURLY_START, _CURLY_APOSTROPHE_END = "’".encode()[:2], "’".encode()[2:]


class Vocabulary:
    """What the rewriter must know about a vocabulary of subwords.

    Args:
        pieces: the letters of each id in UTF-8, without the space before a word; they can end
            within a character. None for special tokens, :data:`UNKNOWN_PIECE` for the unknown token
            and for tokens of letters that the tokenizer does not know.
        begins: whether each id begins a word, i.e. has a space before it.
        encode: returns the ids of a text, or [] if it cannot be written without unknown tokens.
        has_spaces: False if the tokenizer splits off punctuation without recording the spaces
            around it; ``begins`` is then False only for pieces that continue a word.

    Attributes:
        is_special: bool (V,), special tokens.
        is_unknown: bool (V,), the unknown token, and tokens of letters that the tokenizer does not
            know.
        hashes: uint64 (V,), a hash of each id.
    """

    def __init__(
        self,
        pieces: Sequence[bytes | None],
        begins: Sequence[bool],
        encode: Callable[[str], list[int]],
        has_spaces: bool = True,
    ):
        self.pieces = np.array([b"" if piece is None else piece for piece in pieces], object)
        self.begins = np.array(begins, bool)
        self._classes = np.array([_class_of(piece) for piece in pieces], np.int8)
        self.is_special = self._classes == _SPECIAL
        self.is_unknown = np.array([piece == UNKNOWN_PIECE for piece in pieces])
        self.hashes = mix(np.arange(len(pieces)) + 1)
        # A space alone takes the class of the piece after it.
        self._is_space = np.array([piece == b"" for piece in pieces])
        # A piece that starts within a character takes the class of the piece before it.
        self._continues = np.array([0x80 <= (piece or b"\0")[0] < 0xC0 for piece in pieces])
        joiners = [c.encode() for c in "'’-"]
        self._joins = np.array([piece in joiners for piece in pieces]) & ~self.begins
        self._curly_start = np.array([piece == _CURLY_START for piece in pieces]) & ~self.begins
        self._curly_end = np.array([piece == _CURLY_APOSTROPHE_END for piece in pieces])
        self._joints = None if has_spaces else Joints(pieces, self.begins)
        if not has_spaces:
            self._continues |= ~self.begins  # a piece that continues a word is never another word
        self._encode = encode
        self._quote = encode(_QUOTE)

    def __len__(self) -> int:
        return len(self.pieces)

    def encode_word(self, word: str, after_space: bool) -> list[int]:
        """Encode a word within a text.

        Args:
            word: a word, or several words separated by spaces.
            after_space: whether the text has a space before it.

        Returns:
            The ids, or [] if the word cannot be written there.
        """
        if after_space:
            return self._encode(" " + word)
        # Without a space before it, a word is encoded as it is after an opening quote.
        ids = self._encode(_QUOTE + word)
        quote = len(self._quote)
        return ids[quote:] if quote and ids[:quote] == self._quote else []

    def words(self, tokens: np.ndarray, lengths: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Find the words of blocks.

        A word starts where the tokenizer says so, and where letters meet punctuation; an
        apostrophe or a hyphen between letters is part of the word.

        Args:
            tokens: int (N,), ids of the blocks, one block after the other.
            lengths: int (blocks,).

        Returns:
            Where words start, int (W,), and the block of each word, int (W,).
        """
        ends = np.cumsum(lengths)
        begins = self.begins[tokens]
        first = (ends - lengths)[lengths > 0]
        begins[first] = True
        classes = self._classes[tokens]
        place = np.where(self._continues[tokens] & ~begins, 0, np.arange(len(tokens)))
        classes = classes[np.maximum.accumulate(place)]
        classes = np.where(self._is_space[tokens], np.append(classes[1:], _SPECIAL), classes)
        if self._joints:
            is_first = np.zeros(len(tokens), bool)
            is_first[first] = True
            joints = self._joints.find(tokens, classes == _WORD, is_first)
            classes[joints] = _WORD
            begins &= ~(joints | np.insert(joints[:-1], 0, False))
        # An apostrophe or hyphen, of one piece or of two, between letters.
        letters = (classes == _WORD) & ~begins
        before = np.insert(classes[:-1], 0, _SPECIAL) == _WORD
        joined = before & self._joins[tokens] & np.append(letters[1:], False)
        curly = before & self._curly_start[tokens]
        curly &= np.append(self._curly_end[tokens][1:], False)
        curly &= np.append(letters[2:], [False, False])[: len(tokens)]
        joined |= curly | np.insert(curly[:-1], 0, False)
        classes[joined] = _WORD
        before = np.insert(classes[:-1], 0, _SPECIAL)
        starts = np.flatnonzero(begins | (classes != before) | (classes == _SPECIAL))
        return starts, np.searchsorted(ends, starts, side="right")


def _class_of(piece):
    if piece is None:
        return _SPECIAL
    try:
        text = piece.decode()
    except UnicodeDecodeError:
        # Part of a character. Those that begin with these bytes are quotes, dashes and emoji.
        return _PUNCTUATION if piece[0] in (0xE2, 0xF0) else _WORD
    letters = any(map(str.isalnum, text)) or not text.strip("_")
    return _WORD if letters or piece == UNKNOWN_PIECE else _PUNCTUATION
