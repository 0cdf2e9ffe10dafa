"""The part-of-speech tags that the rewriter knows: Penn's open classes, and O for the rest."""

OTHER = "O"
TAGS = (
    OTHER,
    *("NN", "NNS", "NNP"),
    *("JJ", "JJR", "JJS"),
    *("RB", "RBR", "RBS"),
    *("VB", "VBD", "VBG", "VBN", "VBZ"),
)
TAG_INDEX = {tag: i for i, tag in enumerate(TAGS)}

# The inflections of a lemma by part of speech. Proper nouns have none: they are never replaced.
INFLECTIONS = {
    "NOUN": ("NN", "NNS"),
    "ADJ": ("JJ", "JJR", "JJS"),
    "ADV": ("RB", "RBR", "RBS"),
    "VERB": ("VB", "VBD", "VBG", "VBN", "VBZ"),
}
POS_OF_TAG = {tag: pos for pos, tags in INFLECTIONS.items() for tag in tags}

# Penn tags that say the same as one of ours; the present tense of verbs has the form of VB.
_FOLDED = {"NNPS": "NNP", "VBP": "VB"}


def fold_tag(penn_tag: str) -> str:
    """The tag of ours for a Penn Treebank tag: ``VBP -> VB``, ``DT -> O``."""
    tag = _FOLDED.get(penn_tag, penn_tag)
    return tag if tag in TAG_INDEX else OTHER
