"""How likely people are to accept a candidate: gradient-boosted trees, trained on judgements."""

from collections.abc import Iterator

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from .candidates import Lemma, Links
from .features import Features
from .judgements import Judged

FOLDS = 5  # of the cross-validation
SETTINGS = {
    "max_iter": 150,
    "learning_rate": 0.08,
    "max_leaf_nodes": 15,
    "min_samples_leaf": 200,
    "early_stopping": False,
    "random_state": 0,
}


class Examples:
    """Candidates of judged words: the rows that a model is trained on.

    Attributes:
        table: float (rows, features).
        target: float (rows,), twice the share of annotators who named it, at most 1.
        word: int (rows,), which of the judged words a row is of.
        document: int (rows,), which document.
    """

    def __init__(self, judged: list[Judged], links: Links, features: Features):
        documents = {name: i for i, name in enumerate(sorted({j.document for j in judged}))}
        known: dict[Lemma, tuple] = {}
        self.candidates, tables, targets, words, of_document = [], [], [], [], []
        for i, word in enumerate(judged):
            if word.lemma not in links:
                continue
            if word.lemma not in known:
                known[word.lemma] = features.of(word.lemma, links[word.lemma])
            candidates, table = known[word.lemma]
            self.candidates += candidates
            tables.append(table)
            targets += [min(2 * word.named.get(c.text, 0), 1) for c in candidates]
            words += [i] * len(candidates)
            of_document += [documents[word.document]] * len(candidates)
        self.table = np.concatenate(tables)
        self.target = np.array(targets)
        self.word, self.document = np.array(words), np.array(of_document)

    def folds(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows to train on and rows to test on; all of a document are on one side."""
        folds = min(FOLDS, len(np.unique(self.document)))
        return GroupKFold(folds).split(self.table, groups=self.document)


class Acceptance:
    """P(accepted) of candidates by their features."""

    def __init__(self, table: np.ndarray, target: np.ndarray):
        # Each row twice, weighted: once as accepted, once as rejected.
        rows = np.concatenate([table, table])
        label = np.repeat([1, 0], len(target))
        weight = np.concatenate([target, 1 - target])
        seen = weight > 0
        self._model = HistGradientBoostingClassifier(**SETTINGS)
        with threadpool_limits(1):  # sums in one order: the same trees on every run
            self._model.fit(rows[seen], label[seen], sample_weight=weight[seen])

    def __call__(self, table: np.ndarray) -> np.ndarray:
        """Float (rows,) in (0, 1)."""
        with threadpool_limits(1):
            return self._model.predict_proba(table)[:, 1]


def cross_validate(examples: Examples, num_words: int, threshold: float) -> str:
    """How good the weights are for words of other documents than those of the training.

    ``named`` is the share of the draws that at least one annotator named.
    """
    p = np.zeros(len(examples.target))
    for train, test in examples.folds():
        p[test] = Acceptance(examples.table[train], examples.target[train])(examples.table[test])
    weight = np.where(p > threshold, p**2, 0)
    drawn = np.bincount(examples.word, weight)
    named = np.bincount(examples.word, weight * (examples.target > 0))
    covered = drawn > 0
    return (
        f"cross-validated by document, {num_words:,} words: covered {covered.sum() / num_words:.3f}, "
        f"named {(named[covered] / drawn[covered]).mean():.3f}"
    )
