"""The part-of-speech tags of the rewriter: the Penn tags of open classes, and O for all others."""

OTHER = "O"
TAGS = (
    OTHER,
    *("NN", "NNS", "NNP"),
    *("JJ", "JJR", "JJS"),
    *("RB", "RBR", "RBS"),
    *("VB", "VBD", "VBG", "VBN", "VBZ"),
)
TAG_INDEX = {tag: i for i, tag in enumerate(TAGS)}

# The inflections of a lemma, by part of speech. Proper nouns are left out: they are not replaced.
INFLECTIONS = {
    "NOUN": ("NN", "NNS"),
    "ADJ": ("JJ", "JJR", "JJS"),
    "ADV": ("RB", "RBR", "RBS"),
    "VERB": ("VB", "VBD", "VBG", "VBN", "VBZ"),
}
POS_OF_TAG = {tag: pos for pos, tags in INFLECTIONS.items() for tag in tags}

# Penn tags that are treated as another one: VBP, the present tense, has the form of VB.
_FOLDED = {"NNPS": "NNP", "VBP": "VB"}


def fold_tag(penn_tag: str) -> str:
    """Map a Penn Treebank tag to one of TAGS: ``VBP -> VB``, ``DT -> O``."""
    tag = _FOLDED.get(penn_tag, penn_tag)
    return tag if tag in TAG_INDEX else OTHER
