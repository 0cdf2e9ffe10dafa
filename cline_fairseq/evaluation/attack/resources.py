"""What TextAttack's recipes need beside its package, and whether it is on this machine.

TextAttack fetches such data when a recipe is built, without a limit of time. Here they are looked
for first, so that a machine without a network says what is missing.
"""

import hashlib
import os
import tempfile
import urllib.request
import zipfile
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

from ...errors import InputError

_SECONDS = 10  # for a server to answer
_S3 = "https://textattack.s3.amazonaws.com/"
_HUB = "https://huggingface.co/"
_ENCODER = "https://tfhub.dev/google/universal-sentence-encoder/3"


class Resource(NamedTuple):
    """Something that a recipe needs.

    Attributes:
        name: what it is called in messages.
        is_here: whether it is on this machine.
        how: to get it, as the end of the sentence "it is not here: ...".
        url: where TextAttack fetches it from; None if it does not.
    """

    name: str
    is_here: Callable[[], bool]
    how: str
    url: str | None = None


def cache_folder() -> Path:
    """Where TextAttack keeps what it fetched."""
    return Path(os.environ.get("TA_CACHE_DIR") or Path.home() / ".cache" / "textattack")


def _nltk(name: str, path: str) -> Resource:
    def is_here():
        if find_spec("nltk") is None:
            return False
        import nltk

        for place in (path, f"{path}.zip"):
            try:
                nltk.data.find(place)
            except (LookupError, zipfile.BadZipFile):
                continue
            return True
        return False

    how = f"run python -m nltk.downloader {Path(path).name}, or point NLTK_DATA at a folder with it"
    return Resource(f"NLTK's {name}", is_here, how)


def _packages(*names: str) -> Resource:
    def is_here():
        return all(find_spec(name) for name in names)

    pip = [name.replace("_", "-") for name in names]
    return Resource(" and ".join(pip), is_here, f"run pip install {' '.join(pip)}")


def _fetched(name: str, path: str) -> Resource:
    """Data of TextAttack's own server."""

    def is_here():
        return (cache_folder() / path).exists()

    how = f"give --download where there is a network, or bring {cache_folder() / path} along"
    return Resource(name, is_here, how, f"{_S3}{path}")


def _model(name: str) -> Resource:
    """A model of the Hugging Face hub."""

    def is_here():
        from huggingface_hub import try_to_load_from_cache

        return isinstance(try_to_load_from_cache(name, "config.json"), str)

    how = "give --download where there is a network, or bring the cache of Hugging Face along"
    return Resource(f"the model {name}", is_here, how, f"{_HUB}{name}/resolve/main/config.json")


def _flair(name: str, folder: str) -> Resource:
    """A tagger of flair."""

    def is_here():
        import flair

        return (Path(flair.cache_root) / "models" / folder).is_dir()

    how = "give --download where there is a network, or bring ~/.flair along"
    return Resource(name, is_here, how, f"{_HUB}flair/{folder}/resolve/main/README.md")


def _encoder_is_here():
    # tensorflow_hub names the folder of a module by the hash of its address.
    root = os.environ.get("TFHUB_CACHE_DIR") or os.path.join(tempfile.gettempdir(), "tfhub_modules")
    return (Path(root) / hashlib.sha1(_ENCODER.encode()).hexdigest()).is_dir()


WORDNET = _nltk("WordNet", "corpora/wordnet")
STOP_WORDS = _nltk("stop words", "corpora/stopwords")
POS_TAGGER = _nltk("tagger", "taggers/averaged_perceptron_tagger_eng")
TAGSET = _nltk("universal tag set", "taggers/universal_tagset")
WORD_VECTORS = _fetched("the counter-fitted word vectors", "word_embeddings/paragramcf")
HOWNET = _fetched("the words of HowNet", "transformations/hownet/word_candidates_sense.pkl")
GOOGLE_LM = _fetched(
    "Google's language model", "constraints/semantics/language-models/alzantot-goog-lm"
)
LEARNING_TO_WRITE = _fetched(
    "the language model of Learning to Write",
    "constraints/grammaticality/language-models/learning-to-write",
)
BERT = _model("bert-base-uncased")
DISTILROBERTA = _model("distilroberta-base")
TENSORFLOW = _packages("tensorflow", "tensorflow_hub")
NAMES = _flair("flair's tagger of names", "ner-english")
WORD_CLASSES = _flair("flair's tagger of word classes", "upos-english-fast")
SENTENCE_ENCODER = Resource(
    "the Universal Sentence Encoder",
    _encoder_is_here,
    "give --download where there is a network, or point TFHUB_CACHE_DIR at a folder with it",
    _ENCODER,
)


def require(who: str, resources: Sequence[Resource], download: bool) -> None:
    """Make sure that a recipe, or TextAttack, has what it needs or can fetch it.

    Raises:
        InputError: if it has not.
    """
    missing = [resource for resource in resources if not resource.is_here()]
    if download:
        missing = [resource for resource in missing if resource.url is None]
    if missing:
        parts = "; ".join(f"{resource.name} ({resource.how})" for resource in missing)
        raise InputError(f"{who} needs what is not on this machine: {parts}")
    for resource in resources if download else []:
        if not resource.is_here():
            _require_server(who, resource)


def _require_server(who, resource):
    request = urllib.request.Request(resource.url, method="HEAD")
    try:
        urllib.request.urlopen(request, timeout=_SECONDS).close()
    except OSError as error:
        if getattr(error, "code", None) is not None:
            return  # the server is there; it may not like to be asked
        raise InputError(
            f"{who} needs {resource.name}, which cannot be fetched from "
            f"{resource.url} ({error}): run it where there is a network"
        ) from error
