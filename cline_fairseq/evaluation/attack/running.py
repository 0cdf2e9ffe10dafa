"""Attacks on a classifier, example by example."""

import random
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...errors import InputError
from ..labelled_text import Example
from .recipes import build_attack, import_textattack

if TYPE_CHECKING:
    from ...inference import Predictor  # imports torch, which takes seconds

SKIPPED, FAILED, SUCCEEDED = "skipped", "failed", "succeeded"
# As TextFooler's recipe knows them, which leaves the premise alone.
_COLUMNS = {1: ("text",), 2: ("premise", "hypothesis")}


class Attacked(NamedTuple):
    """What became of an example.

    Attributes:
        example: as it was.
        prediction: label of the original.
        result: ``skipped`` where that was wrong already; else ``failed``, or ``succeeded`` where
            the prediction for the attacked text is wrong.
        attacked_text: the text, or pair, that the attack ended with, whether it succeeded or not.
        attacked_prediction: label of that.
        words: of the original, as TextAttack counts them.
        words_changed: how many words the attack put in, took out or replaced (edit distance).
        queries: how often the classifier was asked, for one text each.
    """

    example: Example
    prediction: str
    result: str
    attacked_text: str | tuple[str, str]
    attacked_prediction: str
    words: int
    words_changed: int
    queries: int


def attack_examples(
    recipe: str,
    predictor: "Predictor",
    examples: Sequence[Example],
    seed: int = 1,
    query_budget: int | None = None,
    max_changed: float | None = None,
    download: bool = False,
    progress: Callable[[Attacked], None] = lambda attacked: None,
) -> list[Attacked]:
    """Attack the classifier with each example.

    The result of an example depends on the seed, and on no other example.

    Args:
        recipe: one of :data:`~.recipes.RECIPES`.
        predictor: a classifier.
        examples: with labels of the classifier.
        seed: of recipes that draw.
        query_budget: most queries for an example.
        max_changed: greatest share of the words that may be changed, rounded up to whole words;
            without, what the recipe allows.
        download: whether TextAttack may fetch what the recipe needs.
        progress: called with each result.

    Raises:
        InputError: if the recipe cannot run, or an example cannot be attacked.
    """
    import torch

    require_labels(predictor, examples)
    textattack = import_textattack(download)
    from .textattack_model import TextAttackModel

    attack = build_attack(recipe, TextAttackModel(predictor), download)
    if torch.cuda.is_available():
        attack.cuda_()
    if query_budget is not None:
        attack.goal_function.query_budget = query_budget
    if max_changed is not None:
        limit = textattack.constraints.pre_transformation.MaxModificationRate(float(max_changed))
        attack.pre_transformation_constraints.append(limit)
    attacked = []
    for example in examples:
        texts = (example.text,) if isinstance(example.text, str) else example.text
        _require_attackable(textattack, example.where, texts)
        _start_draws(seed, texts)
        columns = OrderedDict(zip(_COLUMNS[len(texts)], texts, strict=True))
        try:
            result = attack.attack(columns, predictor.labels.index(example.label))
        except InputError:
            raise
        except (AssertionError, LookupError, ValueError) as error:
            raise InputError(
                f"{example.where}: TextAttack fails on this text ({type(error).__name__}: "
                f"{error}): leave it out"
            ) from error
        attacked.append(_record(textattack.attack_results, predictor.labels, example, result))
        progress(attacked[-1])
    return attacked


def draw_examples(examples: Sequence[Example], count: int | None, seed: int) -> list[Example]:
    """Some of the examples, in their order; all without a count.

    Raises:
        InputError: if there are not so many.
    """
    if count is None:
        return list(examples)
    if not 1 <= count <= len(examples):
        raise InputError(
            f"{count:,} examples cannot be drawn: give a number from 1 to {len(examples):,}"
        )
    chosen = np.random.default_rng(seed).choice(len(examples), count, replace=False)
    return [examples[i] for i in sorted(chosen.tolist())]


def require_labels(predictor: "Predictor", examples: Sequence[Example]) -> None:
    """Make sure that the classifier knows the labels.

    Raises:
        InputError: if it does not.
    """
    for example in examples:
        if example.label not in predictor.labels:
            raise InputError(
                f"{example.where}: the classifier has no label {example.label!r}, but "
                f"{', '.join(predictor.labels)}: say which label is which"
            )


def _require_attackable(textattack, where, texts):
    mark = textattack.shared.AttackedText.SPLIT_TOKEN
    if any(mark in text for text in texts):
        raise InputError(
            f"{where}: the text holds {mark}, which TextAttack keeps for itself: take it out"
        )


def _start_draws(seed, texts):
    import torch

    text = zlib.crc32("\n".join(texts).encode(errors="surrogatepass"))
    for i, start in enumerate((random.seed, np.random.seed, torch.manual_seed)):
        start(int(np.random.SeedSequence((seed, text, i)).generate_state(1)[0]))


def _record(kinds, labels, example, result):
    original, final = result.original_result, result.perturbed_result
    if isinstance(result, kinds.SkippedAttackResult):
        outcome = SKIPPED
    else:
        outcome = SUCCEEDED if isinstance(result, kinds.SuccessfulAttackResult) else FAILED
    text, before = final.attacked_text, original.attacked_text
    return Attacked(
        example,
        labels[original.output],
        outcome,
        text.tokenizer_input,
        labels[final.output],
        before.num_words,
        text.words_diff_num(before),
        result.num_queries,
    )
