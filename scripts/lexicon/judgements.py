"""Which substitutes people name for a word in context: CoInCo (Kremer et al. 2014)."""

import gzip
import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import NamedTuple

from cline_fairseq.errors import InputError, MissingFileError

from .candidates import Lemma

ANNOTATORS = 6
_POS = {"N": "NOUN", "V": "VERB", "J": "ADJ", "R": "ADV"}


class Judged(NamedTuple):
    """A word in context."""

    document: str
    token: str  # its number in CoInCo
    lemma: Lemma
    named: dict[str, float]  # substitutes, with the share of annotators who named each


def read_judgements(path: Path) -> list[Judged]:
    """Read CoInCo's XML, in the order of the file.

    Raises:
        MissingFileError: if there is no such file.
        InputError: if it is another one.
    """
    try:
        root = ET.fromstring(_read(path))
    except ET.ParseError as error:
        raise InputError(f"{path} is not CoInCo's XML ({error})") from error
    judged = [
        Judged(
            sentence.get("MASCfile"),
            token.get("id"),
            Lemma(token.get("lemma").lower(), _POS[token.get("posMASC")[0]]),
            {
                substitute.get("lemma").lower(): int(substitute.get("freq")) / ANNOTATORS
                for substitute in token.find("substitutions")
            },
        )
        for sentence in root.iter("sent")
        for token in sentence.iter("token")
        if token.find("substitutions") is not None and token.get("problematic") != "yes"
        if token.get("posMASC", "")[:1] in _POS
    ]
    if not judged:
        raise InputError(f"{path} has no words with substitutes: expected CoInCo's XML")
    return judged


def tokens_of(path: Path) -> set[str]:
    """The words of CoInCo that a data set of SWORDS (Lee et al. 2021) was made of."""
    try:
        targets = json.loads(_read(path))["targets"].values()
        return {token for target in targets for token in target["extra"]["coinco_ids"]}
    except (KeyError, AttributeError, TypeError, ValueError) as error:
        raise InputError(f"{path} is not a data set of SWORDS ({error!r})") from error


def _read(path):
    if not path.is_file():
        raise MissingFileError(f"no judgements {path}")
    try:
        return gzip.decompress(path.read_bytes()).decode()
    except (OSError, EOFError, UnicodeDecodeError) as error:
        raise InputError(f"{path} is not gzip-compressed text ({error})") from error
