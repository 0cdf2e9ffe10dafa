"""TextAttack's recipes by name, with its own messages about what a recipe lacks.

``pwws`` (Ren et al. 2019) and ``textfooler`` (Jin et al. 2020) are the recipes that papers report;
all others run as TextAttack builds them, provided that they aim at any wrong prediction.
"""

import logging
import os
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from importlib.util import find_spec
from types import ModuleType
from typing import Any

from ...errors import InputError

_FIRST_IMPORT_NOTE = "post_install_check_"  # and a number: a file in TextAttack's cache


def build_attack(name: str, model: Any, download: bool = False) -> Any:
    """Build a recipe.

    Args:
        name: a recipe, as TextAttack's command line spells it.
        model: a ``textattack.models.wrappers.ModelWrapper``.
        download: whether TextAttack may download what is missing.

    Returns:
        a ``textattack.Attack``.

    Raises:
        InputError: if there is no such recipe, if TextAttack cannot build it, or if it has another
            aim than a wrong prediction.
    """
    textattack = import_textattack(download)
    require_recipe(name, download)
    kind = textattack.attack_args.ATTACK_RECIPE_NAMES[name].rpartition(".")[2]
    try:
        with nullcontext() if download else _nothing_downloaded():
            attack = getattr(textattack.attack_recipes, kind).build(model)
    except Exception as error:  # of any type, depending on what the recipe loads
        raise InputError(
            f"TextAttack cannot build the recipe {name}: {reason(error)}; install what it asks "
            "for, or use another recipe"
        ) from error
    goal = attack.goal_function
    untargeted = textattack.goal_functions.UntargetedClassification
    if type(goal) is not untargeted or goal.target_max_score is not None:
        raise InputError(
            f"the recipe {name} does not aim at a wrong prediction, so its success cannot be "
            "counted: use another recipe, such as pwws"
        )
    return attack


def require_recipe(name: str, download: bool = False) -> None:
    """Require that TextAttack is installed and has a recipe.

    Args:
        name: the recipe.
        download: whether TextAttack may download what is missing.

    Raises:
        InputError: if TextAttack is not installed, or has no such recipe.
    """
    names = import_textattack(download).attack_args.ATTACK_RECIPE_NAMES
    if name not in names:
        raise InputError(f"no recipe {name!r}: expected one of {', '.join(sorted(names))}")


def import_textattack(download: bool = False) -> ModuleType:
    """Import TextAttack, which takes seconds and by itself downloads data for NLTK.

    Args:
        download: whether it may.

    Raises:
        InputError: if it is not installed, or lacks NLTK's stop words.
    """
    if "textattack" in sys.modules:
        return sys.modules["textattack"]
    if find_spec("textattack") is None:
        raise InputError(
            "TextAttack is missing; install it with: pip install 'cline-fairseq[attack]'"
        )
    if not download:
        os.environ.setdefault("HF_HUB_OFFLINE", "1")  # read when huggingface_hub is imported
    try:
        with nullcontext() if download else _nothing_downloaded():
            import textattack
    except LookupError as error:
        raise InputError(f"TextAttack cannot be imported: {reason(error)}") from error
    textattack.shared.utils.logger.setLevel(logging.ERROR)
    return textattack


def reason(error: Exception) -> str:
    """Describe in one line why TextAttack failed; for missing NLTK data, the command to get it."""
    if found := re.search(r"nltk\.download\('([\w.-]+)'\)", str(error)):
        return f"NLTK's {found[1]} is missing; run python -m nltk.downloader {found[1]}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


@contextmanager
def _nothing_downloaded() -> Iterator[None]:
    """Keep TextAttack from the network.

    It downloads NLTK data at its first import, and again in each WordNet swap even if they are
    present, which may hang on a machine without a network. The first import is taken for a later
    one: TextAttack then neither downloads anything nor notes in its cache that it has. Its own
    data are only taken from its cache.
    """
    import nltk

    exists, nltk_download = os.path.exists, nltk.download

    def exists_or_is_note(path):
        is_note = isinstance(path, str) and os.path.basename(path).startswith(_FIRST_IMPORT_NOTE)
        return is_note or exists(path)

    def only_cached(name, skip_if_cached=True):
        path = utils.install.path_in_cache(name)
        if not exists(path):
            raise FileNotFoundError(f"{path} is missing; --download downloads it")
        return path

    os.path.exists = exists_or_is_note
    nltk.download = lambda *args, **options: False
    utils = sys.modules["textattack"].shared.utils if "textattack" in sys.modules else None
    if utils:
        s3_download, utils.download_from_s3 = utils.download_from_s3, only_cached
    try:
        yield
    finally:
        os.path.exists, nltk.download = exists, nltk_download
        if utils:
            utils.download_from_s3 = s3_download
