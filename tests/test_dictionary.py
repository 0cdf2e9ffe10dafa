"""Dictionaries that fairseq-preprocess makes without --srcdict, from text to predictions."""

from collections import Counter
from dataclasses import replace
from functools import cache

import numpy as np
import pytest
import torch
from fairseq.data import Dictionary, encoders
from hypothesis import given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from cline_fairseq.data.corpus_lines import load_lines
from cline_fairseq.data.known import require_known_lines
from cline_fairseq.data.vocabulary import build_vocabulary
from cline_fairseq.dictionary import PlainDictionary, SymbolKind, kinds_of, require_known
from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.glue.binarizing import GlueJob as GlueJob
from cline_fairseq.evaluation.glue.binarizing import binarize
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
from cline_fairseq.preprocessing.encoding import EncodingJob, encode
from cline_fairseq.tokenizer import SentencePiece, Tokenizer
from glue_files import write_task
from helpers import TOKENIZER, gpt2_vocabulary, make_task, sentencepiece_options, train_command
from programs import run

UNKNOWN = ["犬", "犬犬", "Москва", "猫と犬", "ὕδωρ", "🙂"]  # runs of letters that are no pieces
OTHER = ["猫", "犬猫", "Δ", "🙂犬", "犬犬犬", "москва"]  # not in the dictionary
NO_MATCH = "the dictionary does not fit the tokenizer"


@pytest.fixture(scope="module")
def usual(corpus, texts, tmp_path_factory):
    """A folder like ``corpus``, with unknown letters, and the dictionary that fairseq made."""
    folder = tmp_path_factory.mktemp("usual")
    (folder / TOKENIZER).write_bytes((corpus / TOKENIZER).read_bytes())
    lines = [f"{text} {UNKNOWN[i % 6]} {UNKNOWN[i % 5]}s" for i, text in enumerate(texts)]
    for i, word in enumerate(OTHER):
        lines[10 * i] += f" {word}"  # in valid only
    encoder = SentencePiece(str(folder / TOKENIZER))
    for split, part in (("train", lines[60:]), ("valid", lines[:60])):
        (folder / f"{split}.txt").write_text("\n".join(part) + "\n", encoding="utf-8")
        symbols = "".join(encoder.text(line) + "\n" for line in part)
        (folder / f"{split}.sp").write_text(symbols, encoding="utf-8")
    run(
        *("fairseq-preprocess", "--only-source", "--trainpref", folder / "train.sp"),
        *("--validpref", folder / "valid.sp", "--destdir", folder / "bin"),
    )
    (folder / "dict.txt").write_bytes((folder / "bin" / "dict.txt").read_bytes())
    return folder


@pytest.fixture(scope="module")
def task(usual):
    return make_task(usual)


def config(folder):
    return sentencepiece_options(folder)


def letters_of(task):
    return np.flatnonzero(np.isin(task.dictionary.symbols, UNKNOWN))


def finalized(usual, path, **options):
    """The dictionary that fairseq-preprocess makes of the training text with these options."""
    dictionary = Dictionary()
    dictionary_file = usual / "train.sp"
    Dictionary.add_file_to_dictionary(
        str(dictionary_file), dictionary, lambda line: line.split(), num_workers=1
    )
    dictionary.finalize(**options)
    dictionary.save(str(path))
    return path


def test_kinds():
    pieces = {"▁", "▁the", "a", "s", "ing", "1"}
    symbols = ["<s>", "<unk>", "<mask>", "madeupword0000", *sorted(pieces) * 20]
    letters = ["犬", "犬犬", "🙂"]
    kinds = kinds_of([*symbols, *letters, "犬a"], pieces, writes_unknown=True)
    assert Counter(kinds) == {
        SymbolKind.SPECIAL: 4,
        SymbolKind.PIECE: 120,
        SymbolKind.LETTERS: 3,
        SymbolKind.FOREIGN: 1,
    }
    with pytest.raises(InputError, match=r"3 of the 123 symbols that should be its pieces are not"):
        kinds_of([*symbols, *letters], pieces, writes_unknown=False)
    with pytest.raises(InputError, match=r"it has none of the tokenizer's 6 pieces"):
        kinds_of(["<s>", *letters], pieces, writes_unknown=True)


def test_a_share_of_missing_pieces():
    require_known(1, 100, 0.01, "the text")
    require_known(0, 0, 0, "the text")
    with pytest.raises(InputError, match=r"2\.00% of the tokens of it .* --allow-unknown 0\.022"):
        require_known(2, 100, 0.01, "it")


@cache
def pair(model, path):
    """Our tokenizer; fairseq's encoder and dictionary."""
    options = {"_name": "sentencepiece", "sentencepiece_model": model}
    theirs = {**options, "sentencepiece_enable_sampling": False, "sentencepiece_alpha": None}
    tokenizer = Tokenizer(options, PlainDictionary(path))
    return tokenizer, encoders.build_bpe(OmegaConf.create(theirs)), Dictionary.load(str(path))


@settings(max_examples=200, deadline=None)
@given(
    words=st.lists(
        st.one_of(
            st.sampled_from([*UNKNOWN, *OTHER, "the", "class", "naïve", "12", "a\u3000b"]),
            st.text(st.characters(exclude_categories=("Cs", "Cn")), max_size=6),
        ),
        max_size=12,
    ),
    between=st.sampled_from([" ", "", "  ", "\u00a0"]),
)
def test_encode_gives_the_ids_of_fairseq(usual, words, between):
    tokenizer, bpe, dictionary = pair(str(usual / TOKENIZER), usual / "dict.txt")
    assert set(tokenizer.letters) > set(UNKNOWN)
    line = between.join(words).replace("\n", " ").strip()
    expected = dictionary.encode_line(bpe.encode(line), add_if_not_exist=False).tolist()
    indices, _, missing = tokenizer.index([line, "the 犬"])
    assert indices.tolist()[: len(expected)] == expected
    pieces = [s for s in bpe.encode(line).split() if s in tokenizer.model.known]
    assert missing[0] == sum(dictionary.index(s) == dictionary.unk() for s in pieces)
    assert missing[1] == 0


def test_encode_writes_the_files_of_fairseq(usual, tmp_path):
    for split in ("train", "valid"):
        paths = (tmp_path / split, usual / "dict.txt")
        # The held-out text of so small a corpus has more pieces that never occurred than usual.
        counts = encode(
            EncodingJob([usual / f"{split}.txt"], config(usual), *paths, allow_unknown=0.05)
        )
        for name in (f"{split}.bin", f"{split}.idx", "dict.txt"):
            assert (tmp_path / name).read_bytes() == (usual / "bin" / name).read_bytes()
        assert split == "valid" or counts["missing"] == 0
        # Letters that the dictionary has no symbol for do not count.
        assert counts["unknown"] - counts["missing"] == (6 if split == "valid" else 0)


@pytest.mark.parametrize(
    "options", [{"threshold": 3}, {"nwords": 900}, {"padding_factor": 64}], ids=str
)
def test_dictionaries_with_other_options_fit(usual, tmp_path, options):
    path = finalized(usual, tmp_path / "dict.txt", **options)
    vocabulary = build_vocabulary(Dictionary.load(str(path)), config(usual))
    tokenizer = Tokenizer(config(usual), PlainDictionary(path))
    assert vocabulary.is_unknown.sum() == 1 + len(tokenizer.letters)
    assert set(tokenizer.letters) > set(UNKNOWN)
    assert tokenizer.lacking


def test_unknown_letters_are_no_targets_and_no_random_tokens(task):
    task.load_dataset("train")
    dataset, letters = task.datasets["train"], letters_of(task)
    assert len(letters) == len(UNKNOWN)
    unknown = np.append(letters, task.dictionary.unk())
    seen = 0
    for epoch in (1, 2):
        dataset.set_epoch(epoch)
        for start in range(0, len(dataset), 16):
            indices = range(start, min(start + 16, len(dataset)))
            originals = [dataset[i]["source"].numpy() for i in indices]
            batch = dataset.collater([dataset[i] for i in indices])
            masked = batch["net_input"]["src_tokens"][: len(indices)].numpy()
            target = batch["mlm_target"].numpy()
            assert not np.isin(target, unknown).any()
            for row, original in zip(masked, originals, strict=True):
                at = np.isin(original, unknown)
                np.testing.assert_array_equal(np.isin(row[: len(original)], unknown), at)
                np.testing.assert_array_equal(row[: len(original)][at], original[at])
                seen += at.sum()
            views = batch["net_input"]["src_tokens"][len(indices) :].numpy()
            replaced = batch["rtd_target"].numpy() == 1
            assert replaced.any()
            assert not np.isin(views[replaced], unknown).any()
            # All of them are still there, so that none was part of a replaced word.
            assert (
                np.isin(views, unknown).sum()
                == 2 * np.isin(np.concatenate(originals), unknown).sum()
            )
    assert seen > 500


def test_unknown_letters_are_rewritten_around_as_unknown_tokens(usual, task):
    """The views are those that a dictionary without these symbols gives."""
    vocabulary = task.rewriter.vocabulary
    letters = letters_of(task)
    line = task.dictionary.encode_line(
        " ".join(["▁the", "▁", "犬", "s", "▁better", "▁", "猫"]), add_if_not_exist=False
    )
    tokens = line.numpy().astype(np.int64)
    plain = np.where(np.isin(tokens, letters), task.dictionary.unk(), tokens)
    assert (tokens != plain).sum() == 1
    lengths = np.array([len(tokens)])
    for ours, theirs in zip(
        vocabulary.words(tokens, lengths), vocabulary.words(plain, lengths), strict=True
    ):
        np.testing.assert_array_equal(ours, theirs)
    # "ὕδωρ" could be written with the dictionary, and must not be.
    assert vocabulary.encode_word("ὕδωρ", True) == []
    assert vocabulary.encode_word("better", True)


def other_tokenizer(texts, folder, size):
    import sentencepiece

    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=iter(texts),
        model_prefix=str(folder / "other"),
        vocab_size=size,
        minloglevel=2,
    )
    return SentencePiece(str(folder / "other.model"))


def test_dictionaries_of_other_tokenizers(usual, texts, tmp_path):
    other = other_tokenizer(texts[:500], tmp_path, 1500)
    chosen = {
        "sentencepiece": other.symbols[3:],
        "words": list(dict.fromkeys(" ".join(texts).split())),
        "ids": [str(i) for i in range(3000)],
        "russian words": [f"сло{chr(0x430 + i % 32)}{chr(0x430 + i // 32)}" for i in range(500)]
        + [str(i) for i in range(100)],
        "nothing but letters": UNKNOWN,
    }
    for symbols in chosen.values():
        path = tmp_path / "dict.txt"
        path.write_text("".join(f"{symbol} 1\n" for symbol in symbols), encoding="utf-8")
        with pytest.raises(InputError, match=NO_MATCH):
            Tokenizer(config(usual), PlainDictionary(path))
        with pytest.raises(InputError, match=NO_MATCH):
            build_vocabulary(Dictionary.load(str(path)), config(usual))
    gpt2 = gpt2_vocabulary(tmp_path, texts, merged=20)
    with pytest.raises(InputError, match=NO_MATCH):
        build_vocabulary(Dictionary.load(str(usual / "dict.txt")), gpt2)


def without(usual, path, share):
    """The dictionary without some pieces that are so many of the tokens of train."""
    lines = (usual / "dict.txt").read_text(encoding="utf-8").splitlines()
    counts = [int(line.rsplit(" ", 1)[1]) for line in lines]
    wanted = share * sum(counts)
    first = next(
        i for i, n in enumerate(counts) if n <= wanted and len(lines[i].rsplit(" ")[0]) > 2
    )
    path.write_text("\n".join(lines[:first] + lines[first + 1 :]) + "\n", encoding="utf-8")
    return path, counts[first]


def test_text_with_too_many_pieces_that_the_dictionary_lacks(usual, texts, tmp_path):
    path, count = without(usual, tmp_path / "less.txt", 0.02)
    job = EncodingJob([usual / "train.txt"], config(usual), tmp_path / "out" / "train", path)
    with pytest.raises(InputError, match=r"% of the tokens of the text are pieces that the dict"):
        encode(job)
    assert not (tmp_path / "out" / "train.bin").exists()
    counts = encode(replace(job, allow_unknown=0.05))
    assert counts["missing"] == counts["unknown"] == count
    dictionary = Dictionary.load(str(path))
    lines = load_lines(str(tmp_path / "out" / "train"), dictionary)
    with pytest.raises(InputError, match=r"pieces that the dictionary lacks"):
        require_known_lines(lines, dictionary, config(usual), 0.01, "train")
    require_known_lines(lines, dictionary, config(usual), 0.05, "train")

    write_task(tmp_path / "raw", "RTE", texts, 1)
    tokenizer = Tokenizer(config(usual), PlainDictionary(path))
    glue = GlueJob(tmp_path / "raw", tmp_path / "glue", tokenizer, {})
    with pytest.raises(InputError, match=r"% of the tokens of RTE are pieces that the dictionary"):
        binarize(GLUE_TASKS["RTE"], glue)
    assert not (tmp_path / "glue" / "RTE").exists()


def test_a_small_vocabulary_within_a_larger_one(usual, texts, tmp_path):
    """All symbols are pieces of the larger one, whose text has many more."""
    encoder = other_tokenizer(texts, tmp_path, 400)
    model = SentencePiece(str(usual / TOKENIZER))
    shared = [symbol for symbol in encoder.symbols[3:] if symbol in model.known]
    path = tmp_path / "dict.txt"
    path.write_text("".join(f"{symbol} 1\n" for symbol in shared), encoding="utf-8")
    small = {**config(usual), "sentencepiece_model": str(tmp_path / "other.model")}
    encode(EncodingJob([usual / "train.txt"], small, tmp_path / "train", path, allow_unknown=0.5))
    dictionary = Dictionary.load(str(path))
    lines = load_lines(str(tmp_path / "train"), dictionary)
    build_vocabulary(dictionary, config(usual))  # nothing to see here
    with pytest.raises(InputError, match=r"pieces that the dictionary lacks"):
        require_known_lines(lines, dictionary, config(usual), 0.1, "train")


@pytest.mark.slow
def test_from_fairseq_preprocess_to_hugging_face(usual, tmp_path):
    """Training, prediction, export and import with the dictionary that fairseq made."""
    pytest.importorskip("transformers", reason="transformers is not installed")
    from transformers import AutoModelForMaskedLM, AutoTokenizer

    from cline_fairseq.checkpoint import load_model
    from cline_fairseq.convert.export_hf import export_hf
    from cline_fairseq.convert.import_hf import import_hf
    from cline_fairseq.hub import ClineHubInterface
    from cline_fairseq.inference import Predictor
    from cline_fairseq.tokenizer import TokenizerFiles

    # The held-out text of so small a corpus has more pieces that never occurred than usual.
    options = ("--max-update", 2, "--allow-unknown", 0.05)
    run(*train_command(usual, tmp_path / "run", *options))
    tokenizer = TokenizerFiles("sentencepiece", sentencepiece_model=usual / TOKENIZER)
    loaded = load_model(tmp_path / "run" / "checkpoint_last.pt", usual / "bin", tokenizer)
    lines = (usual / "train.txt").read_text(encoding="utf-8").splitlines()[:200]
    lines += [f"The {a}{b} of {b}, better{a} than {a}s." for a in OTHER for b in UNKNOWN]
    lines += ["", f" {UNKNOWN[0]}", "".join(UNKNOWN)]
    rows = Predictor(loaded.model, loaded.tokenizer).encode(lines)
    letters = set(UNKNOWN) & {loaded.dictionary.symbols[i] for i in np.concatenate(rows)}
    assert letters == set(UNKNOWN)
    assert loaded.task.source_dictionary.unk() in np.concatenate(rows)

    hub = ClineHubInterface(loaded)
    assert [word for word, _ in hub.detect_replaced("a 犬犬 or 猫")] == ["a", "犬犬", "or", "猫"]
    assert hub.encode("a 犬犬 or 猫")[3] != hub.encode("a 犬犬 or 猫")[5]

    export_hf(loaded, tmp_path / "hf")
    theirs = AutoTokenizer.from_pretrained(tmp_path / "hf")
    assert theirs(lines)["input_ids"] == [row.tolist() for row in rows]
    model = AutoModelForMaskedLM.from_pretrained(tmp_path / "hf").eval()
    with torch.no_grad():
        tokens = torch.from_numpy(rows[0])[None]
        logits = loaded.model(tokens)[0]
        torch.testing.assert_close(model(tokens).logits, logits, atol=1e-4, rtol=1e-4)
    card = (tmp_path / "hf" / "README.md").read_text(encoding="utf-8")
    assert f"lacks {len(loaded.tokenizer.lacking)} of the tokenizer's pieces" in card

    import_hf(tmp_path / "hf", tmp_path / "back")
    again = PlainDictionary(tmp_path / "back" / "dict.txt").symbols
    assert again == loaded.dictionary.symbols
    tokenizer = Tokenizer(config(usual), PlainDictionary(tmp_path / "back" / "dict.txt"))
    for ours, row in zip(tokenizer.rows(lines), rows, strict=True):
        np.testing.assert_array_equal(ours, row[1:-1])
