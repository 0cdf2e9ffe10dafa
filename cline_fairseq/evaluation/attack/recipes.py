"""TextAttack's recipes by name: those that attack a classifier through its probabilities alone."""

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec

from ...errors import InputError
from . import resources as r

_FIRST_IMPORT_NOTE = "post_install_check_"  # and a number: a file in TextAttack's cache

# What each recipe of textattack.attack_args.ATTACK_RECIPE_NAMES needs beside the stop words of
# NLTK, which the import of TextAttack reads.
RECIPES: dict[str, tuple[r.Resource, ...]] = {
    "pwws": (r.WORDNET,),  # Ren et al. 2019
    "textfooler": (  # Jin et al. 2020
        *(r.WORD_VECTORS, r.POS_TAGGER, r.TAGSET, r.TENSORFLOW, r.SENTENCE_ENCODER),
    ),
    "deepwordbug": (),  # Gao et al. 2018
    "pruthi": (),  # Pruthi et al. 2019
    "textbugger": (r.WORD_VECTORS, r.TENSORFLOW, r.SENTENCE_ENCODER),  # Li et al. 2019
    "leap": (r.WORDNET,),  # Xiao et al. 2023
    "checklist": (r.NAMES,),  # Ribeiro et al. 2020
    "iga": (r.WORD_VECTORS,),  # Wang et al. 2019
    "alzantot": (r.WORD_VECTORS, r.TENSORFLOW, r.GOOGLE_LM),  # Alzantot et al. 2018
    "faster-alzantot": (r.WORD_VECTORS, r.LEARNING_TO_WRITE),  # Jia et al. 2019
    "pso": (r.HOWNET, r.WORD_CLASSES),  # Zang et al. 2020
    "bae": (  # Garg and Ramakrishnan 2020
        *(r.BERT, r.POS_TAGGER, r.TAGSET, r.TENSORFLOW, r.SENTENCE_ENCODER),
    ),
    "bert-attack": (r.BERT, r.TENSORFLOW, r.SENTENCE_ENCODER),  # Li et al. 2020
    "clare": (r.DISTILROBERTA, r.TENSORFLOW, r.SENTENCE_ENCODER),  # Li et al. 2021
}
UNFIT = {
    "a2t": "needs the gradients of the model",
    "hotflip": "needs the gradients of the model",
    "bad-characters": "aims at one class, instead of any wrong one",
    "input-reduction": "takes words away while the prediction stays",
    "kuleshov": "ends when the model is less sure, not when it is wrong",
    "morpheus": "attacks models that write text",
    "seq2sick": "attacks models that write text",
}


def require_recipe(name: str, download: bool = False) -> None:
    """Make sure that a recipe can run.

    Args:
        name: of a recipe, as TextAttack's command line spells it.
        download: whether TextAttack may fetch what is missing.

    Raises:
        InputError: if it cannot; with what is missing, and how to get it.
    """
    if name in UNFIT:
        raise InputError(f"the recipe {name} {UNFIT[name]}: give one of {', '.join(RECIPES)}")
    if name not in RECIPES:
        raise InputError(f"no recipe {name!r}: give one of {', '.join(RECIPES)}")
    _require_textattack()
    r.require(f"the recipe {name}", (r.STOP_WORDS, *RECIPES[name]), download)


def build_attack(name: str, model, download: bool = False):
    """The attack of a recipe, as a ``textattack.Attack``.

    Args:
        name: one of :data:`RECIPES`.
        model: a ``textattack.models.wrappers.ModelWrapper``.
        download: whether TextAttack may fetch what is missing.

    Raises:
        InputError: if the recipe cannot be built.
    """
    require_recipe(name, download)
    textattack = import_textattack(download)
    module, _, kind = textattack.attack_args.ATTACK_RECIPE_NAMES[name].rpartition(".")
    assert module == "textattack.attack_recipes"
    recipe = getattr(textattack.attack_recipes, kind)
    try:
        with nullcontext() if download else _nothing_fetched():
            return recipe.build(model)
    except Exception as error:  # of any kind, by what it fetches and loads
        reason = " ".join(str(error).split())[:300]
        raise InputError(
            f"TextAttack cannot build the recipe {name} ({type(error).__name__}: {reason}): "
            "install what it asks for, or give another recipe"
        ) from error


def import_textattack(download: bool = False):
    """The package, whose import takes seconds and by itself fetches data of NLTK.

    Args:
        download: whether it may.

    Raises:
        InputError: if it is not installed, or if NLTK has no stop words.
    """
    if "textattack" in sys.modules:
        return sys.modules["textattack"]
    _require_textattack()
    r.require("TextAttack", (r.STOP_WORDS,), download)
    if download:
        import textattack
    else:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when huggingface_hub is imported
        with _nothing_fetched():
            import textattack
    textattack.shared.utils.logger.setLevel(logging.ERROR)
    return textattack


def _require_textattack():
    if find_spec("textattack") is None:
        raise InputError(
            "TextAttack is missing; install it with: pip install -c constraints.txt -e '.[attack]'"
        )


@contextmanager
def _nothing_fetched() -> Iterator[None]:
    """Keep TextAttack from NLTK's server.

    It downloads data at its first import, and again in each WordNet swap even where they are
    present, which may hang on a machine without a network. The first import is taken for a later
    one: TextAttack then neither downloads anything nor notes in its cache that it has.
    """
    import nltk

    exists, download = os.path.exists, nltk.download

    def exists_or_is_note(path):
        is_note = isinstance(path, str) and os.path.basename(path).startswith(_FIRST_IMPORT_NOTE)
        return is_note or exists(path)

    os.path.exists = exists_or_is_note
    nltk.download = lambda *args, **options: False
    try:
        yield
    finally:
        os.path.exists, nltk.download = exists, download
