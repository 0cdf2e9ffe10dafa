"""Classifiers for TextAttack; importing this module imports TextAttack, which takes seconds.

TextAttack's own command line loads a classifier from a short file, e.g. model.py:

    from cline_fairseq.evaluation.attack.textattack_model import TextAttackModel

    model = TextAttackModel.from_checkpoint(
        "runs/cline/SST-2/seed1/checkpoint_best.pt", labels=["0", "1"]
    )

and

    textattack attack --model-from-file model.py --recipe pwws --dataset-from-file data.py

where data.py defines ``dataset``, e.g. ``textattack.datasets.Dataset([("a good film", 1)])``.
Labels are numbers there: positions in ``labels``. TextAttack looks for the variable ``model``;
FILE^NAME, for another variable, does not work in its release 0.3.11.
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from ...errors import InputError
from ...inference import Predictor
from ...text_rows import Text
from .recipes import import_textattack

ModelWrapper: Any = import_textattack().models.wrappers.ModelWrapper


class TextAttackModel(ModelWrapper):
    """Wraps a predictor for TextAttack.

    Attributes:
        model: the predictor.
        labels: labels of the columns of the probabilities.
    """

    def __init__(self, predictor: Predictor, labels: Sequence[str] | None = None):
        """Wrap a predictor.

        Args:
            predictor: a classifier.
            labels: its labels in the order in which TextAttack numbers them (None: the predictor's
                own order, by frequency in the training data).

        Raises:
            InputError: if these are not the predictor's labels.
        """
        self.model = predictor
        self.labels = list(predictor.labels if labels is None else labels)
        if sorted(self.labels) != sorted(predictor.labels):
            raise InputError(
                f"the labels {', '.join(self.labels)} are not those of the classifier: expected "
                f"{', '.join(predictor.labels)} in any order"
            )
        self._columns = [predictor.labels.index(label) for label in self.labels]

    @classmethod
    def from_checkpoint(
        cls, *arguments: Any, labels: Sequence[str] | None = None, **options: Any
    ) -> "TextAttackModel":
        """Wrap a checkpoint.

        Args:
            arguments: arguments of
                :meth:`~cline_fairseq.inference.Predictor.from_checkpoint`.
            labels: labels in the order in which TextAttack numbers them.
            options: further options of the same method.
        """
        return cls(Predictor.from_checkpoint(*arguments, **options), labels)

    def __call__(self, text_input_list: Sequence[Text], **kwargs: Any) -> np.ndarray:
        """Predict probabilities, float64 (N, classes).

        They add up to 1 with float64's precision: TextAttack takes numbers for logits if their sum
        differs from 1 by 1e-6.
        """
        scores = np.asarray(self.model.predict_proba(text_input_list), np.float64)
        return scores[:, self._columns] / scores.sum(1, keepdims=True)
