"""Small classes of words whose members are co-hyponyms of each other.

WordNet has most of them, but writes them with capital letters, counts them among adjectives, or
relates them to nothing. The tags are those that the tagger gives them: numbers are O.
"""

from .candidates import Lemma
from .weights import TOTAL

_CARDINALS = """two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen
sixteen seventeen eighteen nineteen twenty thirty forty fifty sixty seventy eighty ninety"""
_ORDINALS = """second third fourth fifth sixth seventh eighth ninth tenth eleventh twelfth
thirteenth fourteenth fifteenth sixteenth seventeenth eighteenth nineteenth twentieth"""
_COLOURS = "red green blue yellow orange purple brown pink grey black white"
_DAYS = "monday tuesday wednesday thursday friday saturday sunday"
_MONTHS = """january february march april may june july august september october november
december"""
_NATIONALITIES = """american australian austrian belgian brazilian british bulgarian canadian
chinese cuban czech danish dutch egyptian english finnish french german greek hungarian indian
indonesian iranian iraqi irish israeli italian japanese korean mexican norwegian pakistani polish
portuguese romanian russian scottish spanish swedish swiss turkish ukrainian vietnamese welsh"""
_DRINKS = "coffee tea milk wine beer juice whisky lemonade cocoa"
_ROOMS = "kitchen bathroom bedroom cellar attic hall garage"
_SEASONS = "spring summer autumn winter"

# The forms of words that have one form only, by what stands for their part of speech.
ONE_FORM = {"NUMBER": "O", "NAME": "NNP"}

_CLASSES = (
    ("NUMBER", _CARDINALS),
    ("NUMBER", "hundred thousand million billion"),
    ("NOUN", "hundred thousand million billion"),
    ("ADJ", _ORDINALS),
    ("ADJ", _COLOURS),
    ("NOUN", _COLOURS),
    ("NOUN", _DRINKS),
    ("NOUN", _ROOMS),
    ("NOUN", _SEASONS),
    ("NAME", _DAYS),
    ("NAME", _MONTHS),
    ("ADJ", _NATIONALITIES),
)


def classmates() -> dict[Lemma, dict[Lemma, int]]:
    """The co-hyponyms of each word, all of the same weight."""
    found = {}
    for pos, words in _CLASSES:
        members = [Lemma(word, pos) for word in words.split()]
        weight = round(TOTAL / (len(members) - 1))
        found |= {word: {c: weight for c in members if c != word} for word in members}
    return found
