"""WordPiece against transformers' BertTokenizer, which fairseq's ``--bpe bert`` calls."""

import subprocess
import sys
import unicodedata
from itertools import accumulate, pairwise

import numpy as np
import pytest
from fairseq.data import Dictionary, data_utils, encoders
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from aligned import candidates_at, words_of
from cline_fairseq.checkpoint_files import copy_tokenizer, tokenizer_in
from cline_fairseq.data.vocabulary import build_vocabulary
from cline_fairseq.dictionary import PlainDictionary, SymbolKind
from cline_fairseq.errors import InputError
from cline_fairseq.rewriting.blocks import BlockRewriter
from cline_fairseq.rewriting.engine import Engine
from cline_fairseq.rewriting.words import split_words
from cline_fairseq.tokenizer import Tokenizer, TokenizerFiles
from cline_fairseq.word_pieces import WordPiece
from glue_files import write_task
from helpers import ODD_WORDS, train_command, word_piece_files, word_piece_options
from programs import ROOT, run

CASES = pytest.mark.parametrize("cased", [False, True])
ODD_LINES = [
    *("", " ", "[SEP] a[MASK]b [mask] [UNK][CLS] [PAD", "ΣΑΣ İstanbul ẞ ﬁ Ⅷ", "e\u0301 \u212b"),
    *("x" * 100, "x" * 101, "don't _x_ __y__ a-b '80s", "日本語 text", "a\x00b\ufffdc\u200bd"),
    *("tabs\tand\x1fcontrols\x85", "a\u2028b\u00a0c\u3000d", "[unused1] ##ing ## #", "$5^2 €5°c"),
]


@pytest.fixture(scope="module")
def folders(tmp_path_factory, texts):
    """A folder with vocab.txt and dict.txt, by whether it is cased; fairseq's options of each."""
    made = {}
    for cased in (False, True):
        folder = tmp_path_factory.mktemp("cased" if cased else "uncased")
        made[cased] = folder, word_piece_files(folder, texts, cased)
    return made


@pytest.fixture(scope="module")
def pairs(folders):
    """Our tokenizer, fairseq's encoder and dictionary."""
    pytest.importorskip("transformers", reason="needs the extra interop")
    return {
        cased: (
            Tokenizer(options, PlainDictionary(folder / "dict.txt")),
            encoders.build_bpe(OmegaConf.create(options)),
            Dictionary.load(str(folder / "dict.txt")),
        )
        for cased, (folder, options) in folders.items()
    }


def check(pair, lines):
    ours, theirs, dictionary = pair
    symbols = [theirs.encode(line) for line in lines]
    assert [ours.model.text(line) for line in lines] == symbols
    assert [ours.model.decode(s.split(" ")) for s in symbols] == list(map(theirs.decode, symbols))
    expected = [dictionary.encode_line(s, add_if_not_exist=False).tolist() for s in symbols]
    flat, lengths, missing = ours.index(lines)
    assert lengths.tolist() == list(map(len, expected))
    np.testing.assert_array_equal(flat, np.concatenate([[], *expected]))
    assert not missing.any()


@CASES
def test_real_text(pairs, cased, texts):
    check(pairs[cased], [*texts[:400], *ODD_LINES])


@CASES
@settings(max_examples=100, deadline=None)
@given(lines=st.lists(st.lists(ODD_WORDS, max_size=8).map(" ".join), max_size=6))
def test_any_text(pairs, cased, lines):
    check(pairs[cased], ["".join(c for c in x if unicodedata.category(c) != "Cs") for x in lines])


@CASES
def test_all_characters(pairs, cased):
    """Between letters, alone, next to punctuation and with an accent."""
    codes = (
        *range(0x3400),
        *range(0x4DB0, 0x4E10),
        *range(0xA000, 0xAC00),
        *range(0xF900, 0x11000),
    )
    known = [c for c in map(chr, codes) if unicodedata.category(c) != "Cs"]
    assert len(known) > 20_000
    check(pairs[cased], [f"a{c}b {c}1 {c}  {c}!{c}{c}. E\u0301{c}" for c in known])


def test_dictionary_of_fairseq(folders, texts, tmp_path):
    """fairseq-preprocess without --srcdict gives [UNK] an index of its own."""
    _, options = folders[False]
    dictionary = Dictionary()
    model = WordPiece(options["bpe_vocab_file"])
    for line in [*texts[:50], "犬 犬 [SEP]"]:
        dictionary.encode_line(model.text(line))
    dictionary.save(str(tmp_path / "dict.txt"))
    tokenizer = Tokenizer(options, PlainDictionary(tmp_path / "dict.txt"))
    kinds = dict(zip(tokenizer.dictionary.symbols, tokenizer.kinds, strict=True))
    assert (kinds["[UNK]"], kinds["[SEP]"]) == (SymbolKind.LETTERS, SymbolKind.SPECIAL)
    unknown = tokenizer.dictionary.index("[UNK]")
    rows, _, missing = tokenizer.index(["犬", "[MASK]"])
    assert rows.tolist() == [unknown, 2, 3, 2]
    assert not missing.any()
    vocabulary = build_vocabulary(Dictionary.load(str(tmp_path / "dict.txt")), options)
    assert vocabulary.is_unknown[unknown]
    assert vocabulary.encode_word("犬", True) == []


def test_wrong_files(folders, corpus, tmp_path):
    with pytest.raises(InputError, match=r"with capital letters, which .* pass --bpe-cased"):
        WordPiece(folders[True][1]["bpe_vocab_file"])
    for path in (tmp_path / "missing.txt", corpus / "dict.txt", tmp_path):
        with pytest.raises(InputError, match="is not a vocabulary of WordPiece"):
            WordPiece(str(path))
    with pytest.raises(InputError, match="needs --bpe-vocab-file FILE"):
        TokenizerFiles("bert").config()


@CASES
def test_files_are_found(folders, cased, tmp_path):
    folder, options = folders[cased]
    assert tokenizer_in([folder]).config() == options
    # What was said of capitals comes along, also where the pieces do not tell.
    copy_tokenizer(tmp_path, {**options, "bpe_cased": True})
    assert tokenizer_in([tmp_path]).config()["bpe_cased"]
    files = TokenizerFiles("bert", bpe_vocab_file=folder / "vocab.txt")
    assert files.command_line() == [str(o) for o in word_piece_options(folder, cased)]


def words_in(vocabulary, tokenizer, text):
    row = tokenizer.index([text]).indices
    starts, _ = vocabulary.words(row, np.array([len(row)]))
    ends = [*starts[1:], len(row)]
    words = [
        b"".join(vocabulary.pieces[row[s:e]]).decode() for s, e in zip(starts, ends, strict=True)
    ]
    return words[:-1]  # without </s>


@pytest.fixture(scope="module")
def vocabularies(folders):
    return {
        cased: build_vocabulary(Dictionary.load(str(folder / "dict.txt")), options)
        for cased, (folder, options) in folders.items()
    }


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("he doesn't, and they'd've", "he doesn't , and they'd've"),
        ("it’s a well-known state-of-the-art", "it’s a well-known state-of-the-art"),
        ("the dogs' tails", "the dogs ' tails"),
        ("she said 'stop' at 5 o'clock", "she said ' stop ' at 5 o'clock"),
        ("do n't", "do n't"),
        ("a--b - (c)", "a - - b - ( c )"),
        ("file_name and O'Brien", "file_name and o'brien"),
        ("'s up", "' s up"),
        ("end of it '", "end of it '"),
        ("- it", "- it"),
    ],
)
def test_words(pairs, vocabularies, text, words):
    assert words_in(vocabularies[False], pairs[False][0], text) == words.split()


@CASES
def test_words_are_those_of_text(pairs, vocabularies, cased, texts):
    """Nearly all words of real text are found whole; dashes with spaces are what is ambiguous."""
    total = wrong = 0
    for text in texts:
        text = text if cased else text.lower()
        expected = [word for word in split_words(text) if word.isascii() and word[0].isalpha()]
        found = set(words_in(vocabularies[cased], pairs[cased][0], text))
        wrong += len([word for word in expected if word not in found])
        total += len(expected)
    assert wrong < 0.01 * total, (wrong, total)


@CASES
def test_views(pairs, vocabularies, lexicon, tagger, cased, texts):
    """Where the label is 0 a view is the original, else it has a candidate of that word."""
    tokenizer, vocabulary = pairs[cased][0], vocabularies[cased]
    engine = Engine(lexicon, tagger, match_edits=True)
    rewriter = BlockRewriter(engine, vocabulary, 512)
    lines = [*texts[:80], "Don't touch the well-known dogs' tails, it's a bad thing to do"]
    blocks = [np.array([0, *row, 2]) for row in tokenizer.rows(lines)]
    replaced = 0
    views = rewriter.rewrite(blocks, 1, range(len(blocks)))
    for view, kinds in zip(views, engine.kinds, strict=True):
        ends = np.cumsum(view.lengths)[:-1]
        rows, labels = np.split(view.tokens, ends), np.split(view.labels, ends)
        for block, row, label in zip(blocks, rows, labels, strict=True):
            check_view(rewriter, lexicon, tagger, block, row.tolist(), label.tolist(), kinds)
            text = tokenizer.decode(row.tolist())
            assert cased or text == text.lower()
            replaced += label.tolist().count(1)
    assert replaced > 500


def check_view(rewriter, lexicon, tagger, block, row, labels, kinds):
    """Walk through block and view; all places are followed that the view may have come to."""
    vocabulary, words = rewriter.vocabulary, words_of(rewriter, block)
    tags = tagger.tag(words)
    starts, _ = vocabulary.words(block, np.array([len(block)]))

    def spellings(at, i):
        """Candidates for a word that the view may have at a place, as far as letters tell."""
        parts = [vocabulary.pieces[t].decode() for t in row[at : at + 24]]
        written = set(accumulate(parts))
        candidates = candidates_at(lexicon, words, tags, i, kinds)
        found = [word for word in candidates if "".join(word.split()) in written]
        return [vocabulary.encode_word(word, True) for word in found]

    places = {0}
    for i, (start, end) in enumerate(pairwise([*starts.tolist(), len(block)])):
        kept = block[start:end].tolist()
        label = -1 if vocabulary.is_special[kept[0]] else 0
        reached = set()
        for at in places:
            options = [kept] if labels[at] != 1 else spellings(at, i)
            for ids in options:
                stop, expected = at + len(ids), [max(labels[at], label)] * len(ids)
                if row[at:stop] == ids and labels[at:stop] == expected:
                    reached.add(stop)
        places = reached
        assert places, (words[i], tags[i])
    assert len(row) in places


@CASES
def test_accents_are_not_lost_in_replacements(vocabularies, cased):
    """In uncased text a candidate with accents might become the word that it replaces."""
    assert bool(vocabularies[cased].encode_word("école", True)) == cased
    assert vocabularies[cased].encode_word("cole", True)


@pytest.fixture(scope="module")
def binarized(folders, texts, tmp_path_factory):
    """A corpus by our program."""
    folder, _ = folders[False]
    dest = tmp_path_factory.mktemp("binarized")
    (dest / "text.txt").write_text("\n".join(texts[:80]) + "\n", encoding="utf-8")
    for split in ("train", "valid"):
        run(
            *("scripts/encode.py", *word_piece_options(folder, False), "--workers", 1),
            *("--dict", folder / "dict.txt", "--input", dest / "text.txt", "--binarize"),
            *("--dest", dest / "bin", "--split", split),
        )
    return dest


def test_files_are_those_of_fairseq_preprocess(binarized, folders, pairs):
    symbols = binarized / "text.symbols"
    lines = (binarized / "text.txt").read_text(encoding="utf-8").splitlines()
    symbols.write_text("".join(f"{pairs[False][1].encode(line)}\n" for line in lines), "utf-8")
    run(
        *("fairseq-preprocess", "--only-source", "--srcdict", folders[False][0] / "dict.txt"),
        *("--trainpref", symbols, "--destdir", binarized / "theirs"),
    )
    for name in ("train.bin", "train.idx", "dict.txt"):
        ours, theirs = ((binarized / folder / name).read_bytes() for folder in ("bin", "theirs"))
        assert ours == theirs, name


def test_glue(folders, pairs, texts, tmp_path):
    """Data hold what fairseq's encoder makes of them, and the tokenizer beside them."""
    folder, options = folders[True]
    examples = write_task(tmp_path / "raw", "CoLA", texts, 1)
    run(
        *("scripts/glue_preprocess.py", "--glue-dir", tmp_path / "raw", "--tasks", "CoLA"),
        *("--dest", tmp_path, "--dict", folder / "dict.txt", *word_piece_options(folder, True)),
    )
    lines = data_utils.load_indexed_dataset(str(tmp_path / "CoLA" / "input0" / "train"), None)
    symbols = pairs[True][2].symbols
    for i, (sentences, _) in enumerate(examples["train"]):
        tokens = [symbols[token] for token in lines[i].tolist()[:-1]]
        assert tokens == pairs[True][1].encode(sentences[0].strip()).split()
    found = tokenizer_in([tmp_path / "CoLA"])
    assert found.config() == {**options, "bpe_vocab_file": str(tmp_path / "CoLA" / "vocab.txt")}


WITHOUT_TRANSFORMERS = """
import sys
sys.modules["transformers"] = None
from fairseq_cli.train import cli_main
cli_main()
"""


def test_training_without_transformers(binarized, folders, tmp_path):
    """Pre-training, and all that reads a checkpoint."""
    from cline_fairseq.inference import Predictor
    from cline_fairseq.models.cline import ClineModel

    command = train_command(binarized, tmp_path, "--max-update", 2, "--disable-validation")
    start = command.index("--bpe")
    command[start : start + 4] = word_piece_options(folders[False][0], False)
    done = subprocess.run(
        [sys.executable, "-c", WITHOUT_TRANSFORMERS, *map(str, command[1:])],
        capture_output=True,
        text=True,
        check=False,
        cwd=ROOT,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert '"num_updates": "2"' in done.stdout + done.stderr
    predictor = Predictor.from_checkpoint(tmp_path, device="cpu")
    assert predictor.embed(["It's a test.", "another"]).shape == (2, 32)
    model = ClineModel.from_pretrained(tmp_path)
    assert model.decode(model.encode("It's a test, isn't it?")) == "it's a test, isn't it?"
    assert [d.word for d in model.detect_replaced("It isn't well-known.")] == [
        *("it", "isn't", "well-known", "."),
    ]
    assert len(model.fill_mask("It is a <mask>.")) == 5
    vocabulary = folders[False][1]["bpe_vocab_file"]
    for cased, text in ((False, "it"), (True, "[UNK]")):
        typed = {"bpe": "bert", "bpe_vocab_file": vocabulary, "bpe_cased": cased}
        model = ClineModel.from_pretrained(tmp_path, **typed)
        assert model.bpe.encode("It").split()[0] == text
