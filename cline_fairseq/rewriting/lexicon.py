"""The lexicon: candidates to replace a word with, by part of speech and kind of relation.

A lexicon file relates *lemmas* (mouse to rodent). Loading expands these relations to *entries*, a
form with its tag (mice, NNS), so that candidates are inflected like the word they replace
(mice -> rodents). Everything is an array, and drawing candidates for a million words takes a few
gathers.
"""

import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

import numpy as np

from ..errors import InputError, MissingFileError
from .kinds import Kind
from .lexicon_check import find_fault
from .neighbours import Article, begin_with_vowel
from .tags import TAG_INDEX, TAGS

RESOURCES = Path(__file__).parent / "resources"
# What numpy raises for an .npz file that is truncated, or is something else.
UNREADABLE = (
    *(EOFError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError),
    *(IndexError, zipfile.BadZipFile, zlib.error),
)
FORMAT = 2  # of the file
_READ = (1, FORMAT)  # format 1 has no co-hyponyms

NUM_RELATIONS = Kind.RANDOM  # all kinds before it, for which each entry has its own candidates
_SOUNDS = 2  # each list has two parts: forms that begin with a consonant, then with a vowel
STAYS = -1  # drawn instead of a form
_MASS = 255  # total weight of the candidates of a kind, except for rounding


class LexiconData(NamedTuple):
    """The arrays of a lexicon file: forms, entries, relations and the pool of random words."""

    forms: np.ndarray  # uint8, lower-case forms in UTF-8, one per line
    entry_lemma: np.ndarray  # int32 (E,), sorted by tag and lemma
    entry_tag: np.ndarray  # uint8 (E,), index into TAGS
    entry_form: np.ndarray  # int32 (E,); of several spellings, the first is the one to write
    lemma_count: np.ndarray  # int32 (L,), frequency, which decides between homographs
    pair_lemma: np.ndarray  # int32 (P,), sorted by lemma and kind
    pair_kind: np.ndarray  # uint8 (P,)
    pair_candidate: np.ndarray  # int32 (P,), a lemma; the same lemma if the word may stay
    pair_weight: np.ndarray  # uint8 (P,), 0 for candidates that are never drawn
    pool_entry: np.ndarray  # int32 (R,), random words, sorted
    pool_count: np.ndarray  # int32 (R,), their frequency in a corpus

    def save(self, path: Path) -> None:
        """Write the lexicon to an .npz file."""
        np.savez_compressed(path, format=np.int32(FORMAT), **self._asdict())

    @classmethod
    def load(cls, path: Path) -> "LexiconData":
        """Read an .npz file.

        Raises:
            InputError: if the file is not a lexicon, or has another format.
        """
        try:
            with np.load(path, allow_pickle=False) as file:
                if file["format"] not in _READ:
                    raise ValueError(f"format {file['format']}, expected {FORMAT}")
                data = cls(*(file[name] for name in cls._fields))
            if fault := find_fault(data._asdict()):
                raise ValueError(fault)
            return data
        except UNREADABLE as error:
            raise InputError(
                f"{path} is not a lexicon of this version ({error}); "
                "build it again, or use the shipped one"
            ) from error


class Weighted:
    """Weighted lists, one after the other in one array, to draw from in bulk.

    Weights and their sums are integers, so draws are exact: the same uniform number gives the same
    item on every machine. Consecutive lists can be drawn from as if they were one.

    Args:
        list_of: int (items,), the list of each item, ascending.
        weights: int (items,), the weight of each item.
        num_lists: number of lists; some may be empty.
    """

    def __init__(self, list_of: np.ndarray, weights: np.ndarray, num_lists: int):
        cumulative = np.concatenate([[0], np.cumsum(weights, dtype=np.int64)])
        # The smaller the type, the faster the search.
        self._cumulative = cumulative.astype(np.min_scalar_type(-int(cumulative[-1]) - 1))
        sizes = np.bincount(list_of, minlength=num_lists)
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        self._bounds = self._cumulative[self._starts]

    def totals(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """Total weights of the lists from ``first`` up to and excluding ``last``: int (N,)."""
        return self._bounds[last] - self._bounds[first]

    def draw(self, first: np.ndarray, last: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """Draw an item for each range of lists.

        Args:
            first: int (N,), the first list of each range.
            last: int (N,), the end of each range, excluded. Its total weight must not be 0.
            uniform: float (N,) in [0, 1).

        Returns:
            int (N,), indices of items.
        """
        bounds = self._bounds[first]
        target = (uniform * (self._bounds[last] - bounds)).astype(self._cumulative.dtype)
        target += bounds
        return np.searchsorted(self._cumulative, target, side="right") - 1

    def of(self, first: int, last: int) -> tuple[slice, np.ndarray]:
        """The items of the lists from ``first`` up to ``last``, as a slice, and their weights."""
        items = slice(int(self._starts[first]), int(self._starts[last]))
        return items, np.diff(self._cumulative[items.start : items.stop + 1])


class Lexicon:
    """Entries with weighted candidates of each kind. See :meth:`load` and :meth:`candidates`.

    Args:
        data: the arrays of a lexicon file.

    Attributes:
        forms: the lower-case forms, by form id.
        form_id: the id of each form.
        entry_of: int32 (forms, tags), the entry of each form with each tag, -1 if there is none.
        entry_form: int32 (E,), the form id of each entry.
        entry_lemma: int32 (E,), the lemma of each entry.
    """

    def __init__(self, data: LexiconData):
        self.data = data
        self.forms = data.forms.tobytes().decode().split("\n")
        self.form_id = {form: i for i, form in enumerate(self.forms)}
        self.entry_form, self.entry_lemma = data.entry_form, data.entry_lemma

        # Of homographs (axes: of axis, of axe), the entry of the more frequent lemma is kept.
        order = np.argsort(data.lemma_count[data.entry_lemma], kind="stable")
        self.entry_of = np.full((len(self.forms), len(TAGS)), -1, np.int32)
        self.entry_of[data.entry_form[order], data.entry_tag[order]] = order

        self._vowel = begin_with_vowel(data.forms)
        self._expand()
        sublist = data.entry_tag[data.pool_entry].astype(np.int64) * _SOUNDS
        sublist += self._vowel[data.entry_form[data.pool_entry]]
        order = np.argsort(sublist, kind="stable")
        self._pool_entry = data.pool_entry[order]
        self._pool = Weighted(sublist[order], data.pool_count[order], len(TAGS) * _SOUNDS)

        related = np.isin(data.pair_kind, (Kind.SYNONYM, Kind.HYPERNYM))
        self._near = np.unique(
            self._pair_key(data.pair_lemma[related], data.pair_candidate[related])
        )

    @classmethod
    def load(cls, name: str | Path = "en") -> "Lexicon":
        """Load a lexicon that is shipped with the package, or one from an .npz file.

        Args:
            name: of the shipped lexicon, or the path of the file.

        Raises:
            MissingFileError: if there is no such lexicon.
            InputError: if the file is not a lexicon of this version.
        """
        return cls(LexiconData.load(resource_path(name, "lexicon")))

    def candidates(self, word: str, tag: str, kind: Kind) -> dict[str, float]:
        """The candidates of one kind for a word, with their probabilities.

        The word itself, which may be drawn so that it stays, is not among them.

        Args:
            word: in any case.
            tag: one of :data:`~cline_fairseq.rewriting.tags.TAGS`.
            kind: of the candidates; for :attr:`Kind.RANDOM`, all words of the pool are returned.
        """
        form = self.form_id.get(word.lower())
        entry = -1 if form is None else self.entry_of[form, TAG_INDEX[tag]]
        if entry < 0:
            return {}
        if kind == Kind.RANDOM:
            items, weights = self._pool.of(*_fitting(TAG_INDEX[tag], Article.NONE))
            forms = self.entry_form[self._pool_entry[items]]
        else:
            lists = _fitting(int(entry) * NUM_RELATIONS + kind, Article.NONE)
            items, weights = self._relations.of(*lists)
            forms = self._candidate[items]
        weights = np.where(forms == STAYS, 0, weights)
        shares = weights / max(weights.sum(), 1)
        return {self.forms[f]: float(w) for f, w in zip(forms, shares, strict=True) if w}

    def has(self, entries: np.ndarray, kind: Kind) -> np.ndarray:
        """Whether each entry has a candidate of this kind: bool, with the shape of ``entries``."""
        return self.mass(entries, kind) > 0

    def mass(
        self, entries: np.ndarray, kind: Kind, articles: np.ndarray | Article = Article.NONE
    ) -> np.ndarray:
        """Total weight of the candidates of one kind that fit the article before the word.

        The candidates of a kind weigh about 255 together, and so do inflections; kinds that are
        drawn together share this weight. Random words exist for all entries whose tag occurs in
        the pool, and weigh as much as the pool's words with this tag.

        Args:
            entries: int array of any shape.
            kind: of the candidates.
            articles: int array of :class:`Article` with the shape of ``entries``, or one for all.

        Returns:
            int, with the shape of ``entries``.
        """
        if kind == Kind.RANDOM:
            tags = self.data.entry_tag[entries].astype(np.int64)
            return self._pool.totals(*_fitting(tags, articles))
        lists = entries.astype(np.int64) * NUM_RELATIONS + kind
        return self._relations.totals(*_fitting(lists, articles))

    def draw(
        self,
        entries: np.ndarray,
        kinds: np.ndarray,
        uniform: np.ndarray,
        articles: np.ndarray | Article = Article.NONE,
    ) -> np.ndarray:
        """Draw a form for each entry from its candidates of one kind.

        Args:
            entries: int (N,).
            kinds: int (N,) of :class:`Kind`; the entry must have candidates of this kind.
            uniform: float (N,) in [0, 1).
            articles: int (N,) of :class:`Article`, which the forms fit, or one for all.

        Returns:
            int (N,), form ids; -1 if the word was drawn itself, so that it stays, or if the random
            word drawn is a form, a synonym or a hypernym of the word to replace.
        """
        articles = np.broadcast_to(articles, len(entries))
        forms = np.empty(len(entries), np.int64)
        random = kinds == Kind.RANDOM
        if random.any():
            forms[random] = self._draw_random(entries[random], uniform[random], articles[random])
        related = ~random
        lists = entries[related].astype(np.int64) * NUM_RELATIONS + kinds[related]
        lists = _fitting(lists, articles[related])
        forms[related] = self._candidate[self._relations.draw(*lists, uniform[related])]
        return forms

    def _draw_random(self, entries, uniform, articles):
        lists = _fitting(self.data.entry_tag[entries].astype(np.int64), articles)
        drawn = self._pool_entry[self._pool.draw(*lists, uniform)]
        lemma, other = self.entry_lemma[entries], self.entry_lemma[drawn]
        key = self._pair_key(lemma, other)
        at = np.minimum(np.searchsorted(self._near, key), len(self._near) - 1)
        bad = (lemma == other) | (self._near[at] == key)
        bad |= self.entry_form[entries] == self.entry_form[drawn]
        return np.where(bad, -1, self.entry_form[drawn])

    def _pair_key(self, lemma, candidate):
        return lemma.astype(np.int64) * len(self.data.lemma_count) + candidate

    def _expand(self):
        """Expand relations between lemmas to candidates of entries."""
        data = self.data
        num_lemmas = len(data.lemma_count)
        written = np.full((len(TAGS), num_lemmas), -1, np.int32)
        tag, lemma = data.entry_tag, data.entry_lemma
        first = (np.diff(tag, prepend=0) != 0) | (np.diff(lemma, prepend=-1) != 0)  # spelling
        written[tag[first], lemma[first]] = data.entry_form[first]

        pair_starts = np.searchsorted(data.pair_lemma, np.arange(num_lemmas + 1))
        entry, pair = _join(pair_starts, data.entry_lemma)
        form = written[data.entry_tag[entry], data.pair_candidate[pair]]
        keep = (form >= 0) & (form != data.entry_form[entry])
        # The word stays if its own lemma is drawn. Without other candidates, that is left out.
        own = data.pair_candidate[pair] == data.entry_lemma[entry]
        lists = entry.astype(np.int64) * NUM_RELATIONS + data.pair_kind[pair]
        others = np.bincount(lists[keep & ~own], minlength=len(data.entry_lemma) * NUM_RELATIONS)
        keep = np.where(own, others[lists] > 0, keep)
        form[own] = STAYS
        entry, pair, form = entry[keep], pair[keep], form[keep]

        # The other forms of the same lemma, each once.
        others = np.sort(written.T[data.entry_lemma], axis=1)
        new = (others >= 0) & (others != data.entry_form[:, None])
        new[:, 1:] &= others[:, 1:] != others[:, :-1]
        inflected = np.nonzero(new)[0]
        shared = _MASS // np.count_nonzero(new, axis=1)[inflected]

        entry = np.concatenate([entry, inflected])
        kind = np.concatenate([data.pair_kind[pair], np.full(len(inflected), Kind.INFLECTION)])
        form = np.concatenate([form, others[new]])
        weight = np.concatenate([data.pair_weight[pair], shared.astype(np.uint8)])
        sublist = (entry.astype(np.int64) * NUM_RELATIONS + kind) * _SOUNDS
        # The word itself fits the article before it.
        sublist += self._vowel[np.where(form == STAYS, data.entry_form[entry], form)]
        order = np.argsort(sublist, kind="stable")
        num_lists = len(data.entry_lemma) * NUM_RELATIONS * _SOUNDS
        self._candidate = form[order].astype(np.int32)
        self._relations = Weighted(sublist[order], weight[order], num_lists)


def _fitting(lists, articles):
    """The parts of lists that fit the articles: the first one, and the end, which is excluded."""
    return (
        lists * _SOUNDS + (articles == Article.AN),
        lists * _SOUNDS + _SOUNDS - (articles == Article.A),
    )


def _join(starts, keys):
    """All pairs ``(i, j)`` with ``starts[keys[i]] <= j < starts[keys[i] + 1]``."""
    sizes = starts[keys + 1] - starts[keys]
    left = np.repeat(np.arange(len(keys)), sizes)
    first = np.cumsum(sizes) - sizes
    return left, np.arange(len(left)) - first[left] + starts[keys][left]


def resource_path(name: str | Path, what: str) -> Path:
    """Find a resource.

    Args:
        name: of a resource that is shipped with the package (``"en"``), or the path of a file.
        what: ``"lexicon"`` or ``"tagger"``.

    Raises:
        MissingFileError: if there is no such resource and no such file.
    """
    shipped = RESOURCES / f"{what}.{name}.npz"
    path = shipped if shipped.is_file() else Path(name)
    if not path.is_file():
        known = sorted(p.name.split(".")[1] for p in RESOURCES.glob(f"{what}.*.npz"))
        raise MissingFileError(
            f"no {what} {str(name)!r}: expected one of {known} or the path of an .npz file"
        )
    return path
