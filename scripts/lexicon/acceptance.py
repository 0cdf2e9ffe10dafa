"""How likely people are to accept a candidate: gradient-boosted trees, trained on judgements."""

from collections.abc import Iterator

import numpy as np
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.model_selection import GroupKFold
from threadpoolctl import threadpool_limits

from .features import Table
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
    """The candidates of judged words: what a model is trained on.

    Attributes:
        row: int (rows,), rows of the table.
        features: float (rows, features).
        target: float (rows,), twice the share of annotators who named it, at most 1.
        word: int (rows,), which of the judged words a row is of.
        document: int (rows,), which document.
    """

    def __init__(self, judged: list[Judged], table: Table):
        documents = {name: i for i, name in enumerate(sorted({j.document for j in judged}))}
        rows, target, word, document = [], [], [], []
        for i, judgement in enumerate(judged):
            part = table.rows.get(judgement.lemma, slice(0, 0))
            named = judgement.named
            rows += range(part.start, part.stop)
            target += [min(2 * named.get(c.text, 0), 1) for c in table.candidates[part]]
            word += [i] * (part.stop - part.start)
            document += [documents[judgement.document]] * (part.stop - part.start)
        self.row, self.features = np.array(rows), table.features[rows]
        self.target, self.word, self.document = map(np.array, (target, word, document))

    def folds(self) -> Iterator[tuple[np.ndarray, np.ndarray]]:
        """Rows to train on and rows to test on; all of a document are on one side."""
        folds = min(FOLDS, len(np.unique(self.document)))
        return GroupKFold(folds).split(self.features, groups=self.document)


class Acceptance:
    """P(accepted) of candidates by their features."""

    def __init__(self, features: np.ndarray, target: np.ndarray):
        # Each row twice, weighted: once as accepted, once as rejected.
        rows = np.concatenate([features, features])
        label = np.repeat([1, 0], len(target))
        weight = np.concatenate([target, 1 - target])
        seen = weight > 0
        self._model = HistGradientBoostingClassifier(**SETTINGS)
        with threadpool_limits(1):  # sums in one order: the same trees on every run
            self._model.fit(rows[seen], label[seen], sample_weight=weight[seen])

    def __call__(self, features: np.ndarray) -> np.ndarray:
        """Float (rows,) in (0, 1)."""
        with threadpool_limits(1):
            return self._model.predict_proba(features)[:, 1]


def accept(examples: Examples, table: Table) -> np.ndarray:
    """P(accepted) of the candidates of a table: float (rows,)."""
    return Acceptance(examples.features, examples.target)(table.features)


def cross_validated(examples: Examples) -> np.ndarray:
    """P(accepted) of the examples by models that were trained on other documents: float (rows,)."""
    p = np.zeros(len(examples.target))
    for train, test in examples.folds():
        model = Acceptance(examples.features[train], examples.target[train])
        p[test] = model(examples.features[test])
    return p


def summary(examples: Examples, num_words: int, scores: np.ndarray) -> str:
    """How good scores of the examples are.

    ``named`` is the share of the draws that at least one annotator named.
    """
    drawn = np.bincount(examples.word, scores)
    named = np.bincount(examples.word, scores * (examples.target > 0))
    some = drawn > 0
    return (
        f"cross-validated by document, {num_words:,} words: covered {some.sum() / num_words:.3f}, "
        f"named {(named[some] / drawn[some]).mean():.3f}"
    )
