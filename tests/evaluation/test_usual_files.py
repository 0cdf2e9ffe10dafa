"""IMDb, MR, SNLI and AG News from their published files, and what is wrong in such files."""

import shutil

import pytest

import usual_files
from cline_fairseq.cli import finetune
from cline_fairseq.errors import InputError
from cline_fairseq.evaluation.finetuning.own_task import OwnFiles, read_task
from cline_fairseq.evaluation.text_folders import read_text_folder
from cline_fairseq.preprocessing.manifest import Manifest, describe, file_digest


def test_imdb(tmp_path, texts):
    usual_files.write_imdb(tmp_path, texts)
    files = OwnFiles(
        {"train": tmp_path / "train", "test": tmp_path / "test"},
        ("text",),
        skipped=("unsup",),
        replace_breaks=True,
        held_out={"valid": 0.25},
    )
    task, splits = read_task("IMDb", files)
    assert task.labels == ("neg", "pos")
    sizes = {name: (len(split.texts), split.left_out) for name, split in splits.items()}
    assert sizes == {"train": (15, 10), "valid": (5, 0), "test": (20, 0)}
    all_texts = {text for name in ("train", "valid") for (text,) in splits[name].texts}
    assert all_texts == {f"A {label} film. {text}" for label in task.labels for text in texts[:10]}
    for split in splits.values():
        for (text,), label in zip(split.texts, split.labels, strict=True):
            assert text.startswith(f"A {label} film. ")
    assert read_task("IMDb", files)[1] == splits


def test_mr(tmp_path, texts):
    usual_files.write_mr(tmp_path / "rt-polaritydata", texts)
    paths = {"train": tmp_path / "rt-polaritydata"}
    held_out = {"valid": 0.1, "test": 0.2}
    files = OwnFiles(paths, ("text",), encoding="iso8859-1", held_out=held_out)
    _, splits = read_task("MR", files)
    assert {name: len(split.texts) for name, split in splits.items()} == {
        "train": 28,
        "valid": 4,
        "test": 8,
    }
    parts = splits.values()
    found = {text: label for s in parts for (text,), label in zip(s.texts, s.labels, strict=True)}
    assert len(found) == 40
    assert all(text.startswith(f"a {label} f\xefl\xecm .") for text, label in found.items())
    with pytest.raises(
        InputError, match=r"rt-polarity.neg is not UTF-8 text \(.*: convert it first"
    ):
        read_task("MR", OwnFiles(paths, ("text",), held_out=held_out))


def test_snli(tmp_path, texts):
    usual_files.write_snli(tmp_path / "snli", texts)
    parts = {"train": "train", "valid": "dev", "test": "test"}
    paths = {name: tmp_path / "snli" / f"snli_1.0_{part}.jsonl" for name, part in parts.items()}
    columns = ("sentence1", "sentence2")
    task, splits = read_task("SNLI", OwnFiles(paths, columns, "gold_label", skipped=("-",)))
    assert task.labels == ("contradiction", "entailment", "neutral")
    assert {(len(s.texts), s.left_out) for s in splits.values()} == {(12, 4)}


def test_ag_news(tmp_path, texts):
    usual_files.write_ag_news(tmp_path / "ag", texts)
    paths = {name: tmp_path / "ag" / f"{name}.csv" for name in ("train", "test")}
    options = {"columns": ("label", "title", "description"), "held_out": {"valid": 0.05}}
    task, splits = read_task("AG", OwnFiles(paths, ("title", "description"), **options))
    assert task.labels == ("1", "2", "3", "4")
    assert [len(splits[name].texts) for name in ("train", "valid", "test")] == [38, 2, 40]
    assert splits["test"].texts[3] == ('Wall St. "Bears" 3', texts[3].strip())


def test_folders_without_labels(tmp_path):
    for names in ((), ("a.pos",), ("pos/0.md", "neg/0.md"), ("a.pos", "a.neg", "b.pos", "b.neg")):
        folder = tmp_path / f"folder{len(names)}{names[:1] == ('a.pos',)}"
        folder.mkdir()
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_text("text")
        with pytest.raises(
            InputError, match=r"neither a folder with .txt files for each label nor"
        ):
            read_text_folder(folder)


def test_labels_that_are_held_out_only(tmp_path):
    path = tmp_path / "a.csv"
    rows = "".join(f"{'ab'[i % 2]},text {i}\n" for i in range(20))
    path.write_text(f"label,text\n{rows}")
    with pytest.raises(
        InputError, match=r"has 20 examples, too few to hold out 0.01 of them for va"
    ):
        read_task("a", OwnFiles({"train": path}, ("text",), held_out={"valid": 0.01}))
    path.write_text(f"label,text\n{rows}" + "".join(f"c{i},rare\n" for i in range(20)))
    with pytest.raises(
        InputError, match=r"all examples with the label 'c\d+' were held out: leave"
    ):
        read_task("a", OwnFiles({"train": path}, ("text",), held_out={"valid": 0.5}))


def test_a_folder_that_changes(tmp_path, texts):
    """Its digest is that of its files, wherever it is."""
    usual_files.write_mr(tmp_path / "a", texts)
    manifest = Manifest(tmp_path / "manifest.json", {})
    manifest.finish([describe(tmp_path / "a")], [], {})
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    assert file_digest(tmp_path / "a") == file_digest(tmp_path / "b")
    assert manifest.reason_to_rebuild([tmp_path / "b"], []) is None
    with (tmp_path / "b" / "rt-polarity.pos").open("a") as file:
        file.write("one more\n")
    assert manifest.reason_to_rebuild([tmp_path / "b"], []) == f"{tmp_path / 'b'} has changed"


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ([], "pass --valid, or --hold-out valid=0.1"),
        (["--hold-out", "test=0.1"], "pass --valid, or --hold-out valid=0.1"),
        (["--hold-out", "valid=0.6,test=0.4"], "valid=FRACTION, test=FRACTION or both, with a sum"),
        (["--hold-out", "dev=0.1"], "expected valid=FRACTION"),
        (["--hold-out", "valid"], "expected valid=FRACTION"),
        (
            ["--hold-out", "valid=0.1", "--valid", "b.tsv"],
            "--valid and --hold-out valid=... exclude",
        ),
        (["--encoding", "latin-99"], "no encoding 'latin-99'"),
    ],
)
def test_options(tmp_path, capsys, options, message):
    command = ["--checkpoint", "x.pt", "--save", str(tmp_path / "runs"), "--train", "a.tsv"]
    with pytest.raises(SystemExit):
        finetune.main([*command, *options])
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
