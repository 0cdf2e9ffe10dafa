"""The lexicon: what a word may be replaced by, by part of speech and kind of relation.

A lexicon is stored by *lemma* (mouse is related to rodent) and used by *entry*: a form with its
tag (mice, NNS). Loading expands the relations to all inflections, so that a candidate always
stands in the inflection of the word that it replaces (mice -> rodents). All is arrays; words are
rows of tables, and drawing candidates for a million words is a few gathers.
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
# What numpy raises for an .npz file that is cut off, or of another kind.
UNREADABLE = (
    *(EOFError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError, ValueError),
    *(IndexError, zipfile.BadZipFile, zlib.error),
)
FORMAT = 2  # of the file; 1, which has no co-hyponyms, is read too, and others are refused
_READ = (1, FORMAT)

NUM_RELATIONS = Kind.RANDOM  # kinds that an entry has candidates of its own for
_SOUNDS = 2  # each list is two: of forms that begin with a consonant, then with a vowel
_MASS = 255  # what the candidates of a kind weigh together, but for rounding


class LexiconData(NamedTuple):
    """The arrays of a lexicon file: forms, entries, relations and the pool of random words."""

    forms: np.ndarray  # uint8, the UTF-8 lower-case forms, a line each
    entry_lemma: np.ndarray  # int32 (E,), sorted by tag and lemma
    entry_tag: np.ndarray  # uint8 (E,), index into TAGS
    entry_form: np.ndarray  # int32 (E,); of several spellings of one entry, the first is written
    lemma_count: np.ndarray  # int32 (L,), how often the lemma was seen: it settles homographs
    pair_lemma: np.ndarray  # int32 (P,), sorted by lemma and kind
    pair_kind: np.ndarray  # uint8 (P,)
    pair_candidate: np.ndarray  # int32 (P,), a lemma
    pair_weight: np.ndarray  # uint8 (P,), 0 for related words that are never drawn
    pool_entry: np.ndarray  # int32 (R,), random words, sorted
    pool_count: np.ndarray  # int32 (R,), how often a corpus has them

    def save(self, path: Path) -> None:
        """Write the lexicon to an .npz file."""
        np.savez_compressed(path, format=np.int32(FORMAT), **self._asdict())

    @classmethod
    def load(cls, path: Path) -> "LexiconData":
        """Read an .npz file.

        Raises:
            InputError: if the file is no lexicon, or one of another format.
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
                "build one again, or use the shipped one"
            ) from error


class Weighted:
    """Weighted lists, one after the other in one array, to draw from in bulk.

    Weights are integers and so are the sums, which makes a draw exact: the same uniform number
    gives the same item on every machine. Lists that follow each other can be drawn from as one.

    Args:
        list_of: int array, which list an item is of, ascending.
        weights: int array, the weight of every item.
        num_lists: how many lists there are.
    """

    def __init__(self, list_of: np.ndarray, weights: np.ndarray, num_lists: int):
        cumulative = np.concatenate([[0], np.cumsum(weights, dtype=np.int64)])
        # Small ones are searched faster.
        self._cumulative = cumulative.astype(np.min_scalar_type(-int(cumulative[-1]) - 1))
        sizes = np.bincount(list_of, minlength=num_lists)
        self._starts = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int32)
        self._bounds = self._cumulative[self._starts]

    def totals(self, first: np.ndarray, last: np.ndarray) -> np.ndarray:
        """What the items of the lists from ``first`` to ``last`` (excluded) weigh together."""
        return self._bounds[last] - self._bounds[first]

    def draw(self, first: np.ndarray, last: np.ndarray, uniform: np.ndarray) -> np.ndarray:
        """An item of the lists from ``first`` to ``last``, whose total must not be 0.

        ``uniform`` is in [0, 1).
        """
        bounds = self._bounds[first]
        target = (uniform * (self._bounds[last] - bounds)).astype(self._cumulative.dtype)
        target += bounds
        return np.searchsorted(self._cumulative, target, side="right") - 1

    def of(self, first: int, last: int) -> tuple[slice, np.ndarray]:
        """The items of the lists from ``first`` to ``last``, as a slice, with their weights."""
        items = slice(int(self._starts[first]), int(self._starts[last]))
        return items, np.diff(self._cumulative[items.start : items.stop + 1])


class Lexicon:
    """Entries with weighted candidates of each kind. See :meth:`load` and :meth:`candidates`.

    Attributes:
        forms: the lower-case forms, by form id.
        entry_of: int32 (forms, tags), the entry of a form with a tag, -1 where there is none.
    """

    def __init__(self, data: LexiconData):
        self.data = data
        self.forms = data.forms.tobytes().decode().split("\n")
        self.form_id = {form: i for i, form in enumerate(self.forms)}
        self.entry_form, self.entry_lemma = data.entry_form, data.entry_lemma

        # Of homographs (axes: of axis, of axe) the one of the more frequent lemma stays.
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
        """Load the lexicon of a language shipped with the package, or one from an .npz file."""
        return cls(LexiconData.load(resource_path(name, "lexicon")))

    def candidates(self, word: str, tag: str, kind: Kind) -> dict[str, float]:
        """The candidates for a word, with their shares; for :attr:`Kind.RANDOM`, the whole pool."""
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
        shares = weights / max(weights.sum(), 1)
        return {self.forms[f]: float(w) for f, w in zip(forms, shares, strict=True) if w}

    def has(self, entries: np.ndarray, kind: Kind) -> np.ndarray:
        """Which entries have a candidate of this kind: bool, the shape of ``entries``."""
        return self.mass(entries, kind) > 0

    def mass(
        self, entries: np.ndarray, kind: Kind, articles: np.ndarray | Article = Article.NONE
    ) -> np.ndarray:
        """What the candidates of this kind weigh together: int, the shape of ``entries``.

        Those are counted that fit the :class:`Article` before the word.

        A list of the lexicon weighs some 255, or shares them with a list of another kind that it
        is drawn together with. Inflections weigh as much. All entries whose tag occurs in the pool
        have random words, which weigh what the pool does.
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
        """Draw a candidate form for each entry from its candidates of one kind.

        Args:
            entries: int array (N,).
            kinds: int array (N,) of :class:`Kind`; the entry must have candidates of it.
            uniform: float array (N,) in [0, 1).
            articles: int array (N,) of :class:`Article`, which the forms fit.

        Returns:
            int array (N,) of form ids; -1 where a random word was drawn that is no negative: a
            form, a synonym or a hypernym of the very word.
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
        """Expand the relations between lemmas to candidates of entries."""
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
        entry, pair, form = entry[keep], pair[keep], form[keep]

        # Other forms of the same lemma, each once.
        others = np.sort(written.T[data.entry_lemma], axis=1)
        new = (others >= 0) & (others != data.entry_form[:, None])
        new[:, 1:] &= others[:, 1:] != others[:, :-1]
        inflected = np.nonzero(new)[0]
        shared = _MASS // np.count_nonzero(new, axis=1)[inflected]

        entry = np.concatenate([entry, inflected])
        kind = np.concatenate([data.pair_kind[pair], np.full(len(inflected), Kind.INFLECTION)])
        form = np.concatenate([form, others[new]])
        weight = np.concatenate([data.pair_weight[pair], shared.astype(np.uint8)])
        sublist = (entry.astype(np.int64) * NUM_RELATIONS + kind) * _SOUNDS + self._vowel[form]
        order = np.argsort(sublist, kind="stable")
        num_lists = len(data.entry_lemma) * NUM_RELATIONS * _SOUNDS
        self._candidate = form[order].astype(np.int32)
        self._relations = Weighted(sublist[order], weight[order], num_lists)


def _fitting(lists, articles):
    """The parts of these lists that fit the articles: from the first to the last, excluded."""
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
    """The file of a shipped resource (``"en"``), or the path itself where a file is named.

    Raises:
        MissingFileError: if there is neither such a resource nor such a file.
    """
    shipped = RESOURCES / f"{what}.{name}.npz"
    path = shipped if shipped.is_file() else Path(name)
    if not path.is_file():
        known = sorted(p.name.split(".")[1] for p in RESOURCES.glob(f"{what}.*.npz"))
        raise MissingFileError(
            f"no {what} {str(name)!r}: expected one of {known} or the path of an .npz file"
        )
    return path
