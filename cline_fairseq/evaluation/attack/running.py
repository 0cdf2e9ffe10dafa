"""Attack a classifier, example by example."""

import random
import zlib
from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from ...errors import InputError
from ..labelled_text import LabelledExample, require_labels
from .recipes import build_attack, import_textattack, reason

if TYPE_CHECKING:
    from ...inference import Predictor  # imports torch, which takes seconds

SKIPPED, FAILED, SUCCEEDED = "skipped", "failed", "succeeded"
# TextFooler's recipe goes by these names: it does not change a premise.
_COLUMNS = {1: ("text",), 2: ("premise", "hypothesis")}


class Attacked(NamedTuple):
    """The result of an attack on one example.

    Attributes:
        example: the original.
        prediction: label predicted for the original.
        result: ``skipped`` if that is wrong already; otherwise ``succeeded`` if the prediction for
            the attacked text is wrong, and ``failed`` if it is right.
        attacked_text: the text, or pair, that the attack ended with, whether it succeeded or not.
        attacked_prediction: label predicted for the attacked text.
        words: number of words of the original, as TextAttack counts them.
        words_changed: number of words inserted, deleted or replaced (edit distance).
        queries: number of texts that the classifier read for the attack.
    """

    example: LabelledExample
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
    examples: Sequence[LabelledExample],
    seed: int = 1,
    query_budget: int | None = None,
    max_changed: float | None = None,
    download: bool = False,
    progress: Callable[[Attacked], None] = lambda attacked: None,
) -> list[Attacked]:
    """Attack a classifier with each example.

    The result for an example depends on the seed, and on no other example.

    Args:
        recipe: name of a recipe of TextAttack; see :mod:`.recipes`.
        predictor: the classifier.
        examples: examples with labels of the classifier.
        seed: random seed of recipes that draw.
        query_budget: maximum number of queries for an example (None: no limit).
        max_changed: maximum fraction of the words to change, rounded up to whole words (None: what
            the recipe allows).
        download: whether TextAttack may download what the recipe needs.
        progress: called with each result.

    Raises:
        InputError: if the recipe cannot run, or an example cannot be attacked.
    """
    import torch

    require_labels(((e.where, e.label) for e in examples), predictor.labels, "the classifier")
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
                f"{example.where}: TextAttack fails on this text ({reason(error)})"
            ) from error
        attacked.append(_record(textattack.attack_results, predictor.labels, example, result))
        progress(attacked[-1])
    return attacked


def draw_examples(
    examples: Sequence[LabelledExample], count: int | None, seed: int
) -> list[LabelledExample]:
    """Draw a random sample of examples, in their original order.

    Args:
        examples: what to draw from.
        count: size of the sample (None: all examples).
        seed: random seed.

    Raises:
        InputError: if there are fewer examples.
    """
    if count is None:
        return list(examples)
    if not 1 <= count <= len(examples):
        raise InputError(
            f"cannot draw {count:,} of {len(examples):,} examples: pass a number from 1 to "
            f"{len(examples):,}"
        )
    chosen = np.random.default_rng(seed).choice(len(examples), count, replace=False)
    return [examples[i] for i in sorted(chosen.tolist())]


def _require_attackable(textattack, where, texts):
    mark = textattack.shared.AttackedText.SPLIT_TOKEN
    if any(mark in text for text in texts):
        raise InputError(
            f"{where}: the text contains {mark}, which TextAttack reserves for itself: remove it"
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
