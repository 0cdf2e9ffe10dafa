import pytest
from fairseq.data import Dictionary

from cline_fairseq.dictionary import EOS, UNKNOWN, PlainDictionary
from cline_fairseq.errors import InputError, MissingFileError

LINES = ["▁the 10", "a 7", "▁ 3", "<mask> 0", "a 1 #fairseq:overwrite", "madeupword0000 0"]


def check_against_fairseq(path, tmp_path):
    ours, theirs = PlainDictionary(path), Dictionary.load(str(path))
    assert ours.symbols == theirs.symbols
    assert (theirs.eos(), theirs.unk()) == (EOS, UNKNOWN)
    for symbol in [*theirs.symbols, "never seen", ""]:
        assert ours.index(symbol) == theirs.index(symbol)
    theirs.save(str(tmp_path / "theirs.txt"))
    ours.save(tmp_path / "ours.txt")
    assert (tmp_path / "ours.txt").read_bytes() == (tmp_path / "theirs.txt").read_bytes()


def test_as_fairseq_reads_and_writes_it(corpus, tmp_path):
    check_against_fairseq(corpus / "dict.txt", tmp_path)
    (tmp_path / "dict.txt").write_text("\n".join(LINES) + "\n", encoding="utf-8")
    check_against_fairseq(tmp_path / "dict.txt", tmp_path)


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ("the 10\nof\n", r"line 2: expected a symbol and its count, found 'of'"),
        ("the ten\n", r"line 1: expected a symbol and its count, found 'the ten'"),
        ("the 10\n\nof 2\n", r"line 2: expected a symbol and its count, found ''"),
        ("the 10\nthe 2\n", r"line 2: the symbol 'the' already exists"),
        ("<unk> 10\n", r"line 1: the symbol '<unk>' already exists"),
        ("", r"dict\.txt is empty: specify the dict\.txt of the tokenizer"),
    ],
)
def test_bad_dictionaries(tmp_path, lines, message):
    path = tmp_path / "dict.txt"
    path.write_text(lines)
    with pytest.raises(InputError, match=message):
        PlainDictionary(path)


def test_no_dictionary(tmp_path):
    with pytest.raises(MissingFileError, match=r"no dictionary .*dict\.txt: specify"):
        PlainDictionary(tmp_path / "dict.txt")
    (tmp_path / "dict.txt").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match="it is not UTF-8 text"):
        PlainDictionary(tmp_path / "dict.txt")
