"""How often people accept what the rewriter draws, on SWORDS (Lee et al. 2021)."""

import gzip
import json
from collections import Counter, defaultdict
from pathlib import Path
from typing import NamedTuple

import lemminflect
import numpy as np

from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.bootstrap import Share, bootstrap_shares
from cline_fairseq.rewriting import Kind, Lexicon, Rewriter, Tagger
from cline_fairseq.rewriting.kinds import ANTONYM_KINDS, STAND_INS, SYNONYM_KINDS
from cline_fairseq.rewriting.tags import TAG_INDEX
from cline_fairseq.rewriting.words import word_spans

DRAWS = 100  # of the views of each context
NEAR = (Kind.SYNONYM, Kind.HYPERNYM)
FAR = (Kind.ANTONYM, Kind.INDIRECT_ANTONYM, Kind.COHYPONYM, Kind.RANDOM)
POS = ("NOUN", "VERB", "ADJ", "ADV")
NOTHING = Share(0.0, 0.0, 0.0)
_WEIGHTS = SYNONYM_KINDS | ANTONYM_KINDS
_TAGS = {"noun": "NN", "verb": "VB", "adjective": "JJ"}


class Target(NamedTuple):
    """A word in context, with the substitutes that people judged."""

    words: list[str]
    at: int | None  # None where our words are not those of the data
    pos: str
    scores: dict[str, float]  # the share of annotators in favour


class Drawn(NamedTuple):
    """What was drawn for a target."""

    synonym: Counter  # of (kind, form)
    antonym: Counter


def read_swords(path: Path) -> list[Target]:
    """Read a data set of SWORDS.

    Raises:
        InputError: if the file is no such data set.
    """
    try:
        data = json.loads(gzip.decompress(path.read_bytes()))
        scores = defaultdict(dict)
        for key, substitute in data["substitutes"].items():
            labels = data["substitute_labels"][key]
            share = labels.count("TRUE") / len(labels)
            scores[substitute["target_id"]][substitute["substitute"].lower()] = share
        return [
            _target(data["contexts"][t["context_id"]]["context"], t, scores[key])
            for key, t in data["targets"].items()
        ]
    except (OSError, EOFError, ValueError, KeyError, TypeError) as error:
        raise InputError(f"{path} is not a data set of SWORDS ({error!r})") from error


def _target(context, target, scores):
    spans = word_spans(context)
    span = target["offset"], target["offset"] + len(target["target"])
    words = [context[start:end] for start, end in spans]
    return Target(words, spans.index(span) if span in spans else None, target["pos"], scores)


def draw(lexicon: Lexicon, targets: list[Target], draws: int = DRAWS) -> list[Drawn]:
    """Rewrite each context several times, with everything replaced that can be."""
    rewriter = Rewriter(lexicon, Tagger.load("en"), synonym_ratio=1, antonym_ratio=1)
    drawn = [Drawn(Counter(), Counter()) for _ in targets]
    for i, target in enumerate(targets):
        if target.at is None:
            continue
        results = rewriter.rewrite_texts(
            [target.words] * draws, 1, range(i * draws, (i + 1) * draws)
        )
        for result in results:
            for counter, words, kinds in (
                (drawn[i].synonym, result.synonym, result.synonym_kinds),
                (drawn[i].antonym, result.antonym, result.antonym_kinds),
            ):
                if kinds[target.at] >= 0:
                    counter[Kind(int(kinds[target.at])), words[target.at].lower()] += 1
    return drawn


class Measure(NamedTuple):
    """Means over the targets that have a draw of these kinds, with 95 % intervals."""

    name: str
    targets: int
    covered: Share
    accepted: Share  # by more than half of the annotators
    conceivable: Share  # to one of them at least

    def cells(self) -> list[str]:
        """The cells of a row of a table."""
        values = (self.covered, self.accepted, self.conceivable)
        return [
            self.name,
            str(self.targets),
            *(f"{mean:.3f} [{low:.3f}, {high:.3f}]" for mean, low, high in values),
        ]


def measure(targets: list[Target], drawn: list[Drawn]) -> list[Measure]:
    """The measures by kind, and of synonyms and hypernyms by part of speech."""
    scorer = _Scorer()
    groups = [(kind.name.lower(), 0, (kind,), POS) for kind in NEAR]
    groups += [("synonym + hypernym", 0, NEAR, POS)]
    groups += [(f"synonym + hypernym, {pos}", 0, NEAR, (pos,)) for pos in POS]
    groups += [(kind.name.lower(), 1, (kind,), POS) for kind in FAR]
    groups += [("antonym view", 1, FAR, POS)]
    measures = []
    for name, view, kinds, parts in groups:
        rows = [
            scorer(Counter({key: n for key, n in views[view].items() if key[0] in kinds}), target)
            for target, views in zip(targets, drawn, strict=True)
            if target.pos in parts
        ]
        if rows:
            measures.append(Measure(name, len(rows), *_means(np.array(rows, float))))
    return measures


class _Scorer:
    """Whether a target is covered, and which shares of its draws people accept."""

    def __init__(self):
        self._lemmas = {}

    def __call__(self, counter, target):
        if not counter:
            return False, 0.0, 0.0
        scores = np.array([self._score(form, target) for _, form in counter])
        share = np.array(list(counter.values())) / counter.total()
        return True, float(share @ (scores > 0.5)), float(share @ (scores > 0))

    def _score(self, form, target):
        """The best score of what the form may be an inflection of; 0 where nobody judged it."""
        return max(target.scores.get(lemma, 0.0) for lemma in self._of(form, target.pos))

    def _of(self, form, pos):
        if (form, pos) not in self._lemmas:
            words, found = form.split(" "), {form}
            for i in {0, len(words) - 1}:
                for lemma in lemminflect.getAllLemmas(words[i], upos=pos).get(pos, ()):
                    found.add(" ".join([*words[:i], lemma.lower(), *words[i + 1 :]]))
            self._lemmas[form, pos] = found
        return self._lemmas[form, pos]


def _means(rows):
    """Of (covered, accepted, conceivable): the share covered, and the means of those covered."""
    covered = rows[rows[:, 0] > 0, 1:]
    shares = bootstrap_shares(rows[:, :1], np.ones((len(rows), 1)))
    if not len(covered):
        return [*shares, NOTHING, NOTHING]
    return [*shares, *bootstrap_shares(covered, np.ones_like(covered))]


def labelled_antonyms(lexicon: Lexicon, paths: list[Path]) -> dict[str, float]:
    """How many antonyms are drawn, by pairs of words that people labelled.

    Args:
        lexicon: the lexicon.
        paths: files of AntSynNET (Nguyen et al. 2017): two words and 1 for antonyms or 0 for
            synonyms, separated by tabs; the part of speech is in their names.

    Returns:
        of the labelled draws by kind, the share of antonyms; and the mean share of labelled
        antonyms among all draws of the antonym view, over the words that have some.
    """
    labels = _read_pairs(paths)
    shares = {}
    for name, kinds in (("synonym + hypernym", NEAR), ("antonym, direct or indirect", FAR[:2])):
        drawn = Counter()
        for (word, tag), known in labels.items():
            for candidate, share in _shares(lexicon, word, tag, kinds).items():
                if candidate in known:
                    drawn[known[candidate]] += share
        shares[name] = drawn[1] / max(drawn.total(), 1e-9)
    whole = []
    for (word, tag), known in labels.items():
        antonyms = {other for other, label in known.items() if label}
        if antonyms and (drawn := _of_antonym_view(lexicon, word, tag)):
            whole.append(sum(share for c, share in drawn.items() if c in antonyms))
    shares["antonym view"] = float(np.mean(whole)) if whole else 0.0
    return shares


def _read_pairs(paths):
    """The label of each pair, both ways: ``{("big", "JJ"): {"small": 1, "large": 0}}``."""
    labels: dict = defaultdict(dict)
    for path in paths:
        tag = next((tag for name, tag in _TAGS.items() if name in path.name), None)
        if tag is None:
            raise InputError(f"{path}: expected {', '.join(_TAGS)} in the name of the file")
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
            try:
                first, second, label = line.split("\t")[:3]
                labels[first, tag][second] = labels[second, tag][first] = int(label)
            except ValueError:
                raise InputError(
                    f"{path}, line {number}: expected two words and 0 or 1, separated by tabs"
                ) from None
    return labels


def _of_antonym_view(lexicon, word, tag):
    """The shares of what the antonym view draws for a word; stand-ins where nothing else is."""
    return next(
        (
            shares
            for kinds in (FAR[:2], *((kind,) for kind in STAND_INS))
            if (shares := _shares(lexicon, word, tag, kinds))
        ),
        {},
    )


def _shares(lexicon, word, tag, kinds):
    """The shares of the candidates of several kinds, which are drawn by weight."""
    form = lexicon.form_id.get(word, -1)
    entry = lexicon.entry_of[form, TAG_INDEX[tag]] if form >= 0 else -1
    if entry < 0:
        return {}
    mass = {
        kind: float(lexicon.mass(np.array([entry]), kind)[0]) * _WEIGHTS[kind] for kind in kinds
    }
    total = sum(mass.values()) or 1.0
    shares = Counter()
    for kind in kinds:
        for candidate, share in lexicon.candidates(word, tag, kind).items():
            shares[candidate] += share * mass[kind] / total
    return shares
