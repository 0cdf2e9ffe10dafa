"""Every command of the READMEs and of docs/ runs, in the order in which a reader would type them.

Sizes are cut down and paths of published files are replaced, by the table below. What cannot run
here is listed with the reason. Both tables may only hold what the documents still contain.
"""

import csv
import json
import os
import re
import shutil
import subprocess
import sys

import pytest
from transformers import BertModel

import usual_files
from glue_files import LABELS, write_diagnostic, write_task
from helpers import gpt2_vocabulary
from hf_models import make
from programs import BIN, ROOT, run
from project_files import project_files
from row_files import write_rows
from tiny_models import save_encoder

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

READMES = (  # in the order in which their commands depend on each other
    "README.md",
    "docs/options.md",
    "examples/pretraining/README.md",
    "docs/how-to/corpus.md",
    "docs/how-to/start-from-an-encoder.md",
    "docs/how-to/lexicon.md",
    "docs/how-to/download.md",
    "docs/results.md",
    "docs/benchmarks.md",
    "docs/stress.md",
    "CONTRIBUTING.md",
    "examples/glue/README.md",
    "examples/robustness/README.md",
    "examples/interop/README.md",
    "examples/quickstart/README.md",
    "cline_fairseq/rewriting/README.md",
)
NOT_RUN = {
    r"^pip install": "needs the network",
    r"^git clone ": "needs the network",
    r"\bcurl ": "needs the network",
    r"^hf download ": "needs the network",
    r"^awk ": "reads what the network gives; tests/test_download.py runs it",
    r"^make ": "installs packages, which needs the network",
    r"cline-fairseq (--help|user-dir)": "comes with the wheel, whose own test runs it",
    r"tests/stress/run.py": "takes hours; tests/stress/test_stress.py tries a little of it",
    r"^python -m nltk.downloader": "needs the network",
    r"build_lexicon.py --(tagged|evaluate)": "needs WordNet and judgements from the network",
    r"--device cuda": "needs a GPU",
    r"^from sentence_transformers": "needs a package that is in no extra",
    r"all_minilm_l6_v2": "needs a package that make minilm installs",
}
SMALLER = {
    # Sizes.
    r"--vocab-size 8000": "--vocab-size 2000",
    r"--(max-update|total-num-update) (4800|30000)": r"--\1 4",
    r"--(validate|save)-interval-updates 1[02]00": r"--\1-interval-updates 2",
    r"--log-interval 100": "--log-interval 1",
    r"--encoder-layers 4": "--encoder-layers 2",
    r"--batch-size 16": "--batch-size 2",
    r"--arch cline_small": "--arch cline_small --encoder-layers 1",
    r"--sizes 2x128 4x256 --blocks 128 --steps 5": "--sizes 2x32 --blocks 32 --steps 1",
    r"--sizes 2x128 4x256 6x384 --blocks 128 --steps 7": "--sizes 2x32 --blocks 32 --steps 1",
    r"--workers 1 2 4": "--workers 1 --block 32 --max-tokens 128",
    r"--num-examples 200": "--num-examples 2",
    r"--dest objectives": "--dest objectives --updates 4 --rows 12 --arms masked_lm matched",
    r"--points 300": "--points 20",
    r"for task in CoLA .* WNLI;": "for task in SST-2 MRPC RTE MNLI;",
    r"--lr 1e-5,2e-5,3e-5": "--lr 1e-5,2e-5",
    r"--seeds 1,2,3": "--seeds 1 --max-epoch 1",
    r"(--save runs/others/)": r"--max-epoch 1 \1",
    r"(glue_submit.*)": r"\1 --allow-missing",
    r"--model roberta-base": "--model hub/roberta-base",  # on the hub
    # Other models to compare with are copies.
    r"^(.* runs/cline runs/mlm)": r"cp -r runs/cline runs/mlm; \1",
    r"^(python scripts/evaluate_contrast.py)": r"cp -r imdb-runs/cline imdb-runs/mlm; \1",
    # This machine.
    r"--recipe pwws": "--recipe deepwordbug",  # without WordNet
    r"--user-dir cline_fairseq": "--user-dir cline_fairseq --cpu",
    r"(fairseq-hydra-train .*)": r"\1 common.cpu=true common.fp16=false optimization.max_update=1",
    r"wikibooks.tagged reviews.tagged": "valid.tagged",
}


@pytest.fixture(scope="module")
def clone(texts, tmp_path_factory):
    """A copy of the project with the files that a reader brings."""
    folder = tmp_path_factory.mktemp("clone")
    for path in project_files():
        copy = folder / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, copy)
    write_corpus(folder, texts)
    write_roberta(folder, texts)
    make(folder / "all-MiniLM-L6-v2", BertModel, texts)
    for name in LABELS:
        write_task(folder / "glue", name, texts, 1)
    write_diagnostic(folder / "glue" / "AX" / "AX.tsv", texts)
    write_task(folder / "imdb", "SST-2", texts, 2)
    write_reviews(folder, texts)
    write_usual_files(folder, texts)
    write_robustness(folder, texts)
    return folder


def write_corpus(folder, texts):
    (folder / "corpus").mkdir()
    for name, part in (("train", texts[40:]), ("valid", texts[:40])):
        (folder / "corpus" / f"{name}.txt").write_text("\n".join(part) + "\n", encoding="utf-8")
    shutil.copy(folder / "corpus" / "valid.txt", folder / "valid.txt")
    shutil.copy(folder / "corpus" / "train.txt", folder / "corpus.txt")
    write_rows(folder / "pages.jsonl.gz", texts[:40], "content")
    (folder / "wikipedia").mkdir()
    for name in ("train", "validation"):
        write_rows(folder / "wikipedia" / f"{name}-00000-of-00001.parquet", texts[:40])
    tagged = "\n".join(
        " ".join(f"{word}/{'NN' if word.islower() else 'O'}" for word in re.findall(r"\w+", text))
        for text in texts[:40]
    )
    (folder / "valid.tagged").write_text(tagged + "\n", encoding="utf-8")


def write_roberta(folder, texts):
    """RoBERTa's files: a vocabulary and a model, and the same as Hugging Face has them."""
    gpt2_vocabulary(folder, texts)
    size = ("--max-positions", 512)
    (folder / "roberta.base").mkdir()
    model = folder / "roberta.base" / "model.pt"
    save_encoder(model, folder, "masked_lm", "roberta_base", *size)
    run(
        *("scripts/export_hf.py", "--checkpoint", model, "--data", folder, "--bpe", "gpt2"),
        *("--gpt2-encoder-json", folder / "encoder.json", "--gpt2-vocab-bpe", folder / "vocab.bpe"),
        *("--dest", folder / "hub" / "roberta-base"),
    )


def write_reviews(folder, texts):
    """A task of one's own."""
    (folder / "reviews").mkdir()
    for split in ("train", "dev", "test"):
        with (folder / "reviews" / f"{split}.csv").open("w", encoding="utf-8") as file:
            rows = [(text, ("good", "bad")[i % 2]) for i, text in enumerate(texts[:16])]
            csv.writer(file).writerows([("review", "sentiment"), *rows])


def write_usual_files(folder, texts):
    """IMDb, MR, SNLI and AG News in their usual files."""
    usual_files.write_imdb(folder / "aclImdb", texts)
    usual_files.write_mr(folder / "rt-polaritydata", texts)
    usual_files.write_snli(folder / "snli_1.0", texts)
    usual_files.write_ag_news(folder / "ag_news", texts)


def write_robustness(folder, texts):
    pairs = [(f"a good film {text}", f"a bad film {text}") for text in texts[:6]]
    rows = [
        f"{sentiment}\t{text}\t{i}"
        for i, pair in enumerate(pairs)
        for sentiment, text in zip(("Positive", "Negative"), pair, strict=True)
    ]
    (folder / "test_paired.tsv").write_text("\n".join(["Sentiment\tText\tbatch_id", *rows]) + "\n")
    write_contrast_sets(folder, pairs)
    rows = [f"{i % 2}\t{text}" for i, text in enumerate(texts[:10])]
    (folder / "sentences.tsv").write_text("\n".join(["label\tsentence", *rows]) + "\n")
    (folder / "sentences.txt").write_text("\n".join(texts[:60]) + "\n")
    advglue = {
        "sst2": [{"sentence": "a good film", "label": 1, "idx": 0}],
        "rte": [{"sentence1": "A film.", "sentence2": "No film.", "label": 1, "idx": 0}],
        "mnli": [{"premise": "A film.", "hypothesis": "No film.", "label": 2, "idx": 0}],
    }
    (folder / "dev_ann.json").write_text(json.dumps(advglue))
    stop_words = folder / "nltk" / "corpora" / "stopwords"
    stop_words.mkdir(parents=True)
    (stop_words / "english").write_text("the\na\n")


def write_contrast_sets(folder, pairs):
    """Two layouts of one's own, and the published files of some sets."""
    augmented = folder / "counterfactually-augmented-data"
    paired = augmented / "sentiment" / "combined" / "paired"
    paired.mkdir(parents=True)
    shutil.copy(folder / "test_paired.tsv", paired)
    for side in range(2):
        texts = [pair[side] for pair in pairs]
        rows = ["label\ttext", *(f"{1 - side}\t{text}" for text in texts)]
        name = ("originals", "contrasts")[side]
        (folder / f"{name}.tsv").write_text("\n".join(rows) + "\n")
        rows = ["Sentiment\tText", *(f"{('Positive', 'Negative')[side]}\t{t}" for t in texts)]
        path = folder / "contrast-sets" / "IMDb" / "data" / f"test_{name[:-1]}.tsv"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("\n".join(rows) + "\n")
        rows = [f"{text}\tA film.\t{('entailment', 'neutral')[side]}" for text in texts]
        path = augmented / "NLI" / ("original", "revised_combined")[side] / "test.tsv"
        path.parent.mkdir(parents=True)
        rows = [row for row in rows for _ in range((1, 4)[side])]
        path.write_text("\n".join(["sentence1\tsentence2\tgold_label", *rows]) + "\n")
    with (folder / "edits.csv").open("w", encoding="utf-8", newline="") as file:
        rows = [(*pair, 1, 0) for pair in pairs]
        csv.writer(file).writerows([("before", "after", "label", "new_label"), *rows])


def blocks(text):
    """The code blocks of a document: (language, commands), with continued lines joined."""
    for language, code in re.findall(r"^```(bash|python)\n(.*?)^```$", text, re.M | re.S):
        yield language, re.sub(r"\\\n\s*", "", code) if language == "bash" else code


def prepared(language, code):
    """The code as it can run here, and which entries of the tables it used.

    A command that cannot run is left out by itself; of Python, its whole block is.
    """
    used = {pattern for pattern in NOT_RUN if re.search(pattern, code, re.M)}
    if used and language == "python":
        return "", used
    lines = []
    for line in code.splitlines():
        if any(re.search(pattern, line) for pattern in NOT_RUN):
            continue
        for pattern, replacement in SMALLER.items():
            line, count = re.subn(pattern, replacement, line)
            if count:
                used.add(pattern)
        lines.append(line)
    return "\n".join(lines), used


@pytest.mark.parametrize("name", READMES)
def test_commands_run(clone, name):
    program = []
    for language, code in blocks((clone / name).read_text(encoding="utf-8")):
        code, _ = prepared(language, code)
        if language == "python":
            program.append(code)
        elif code:
            execute(clone, ["bash", "-euo", "pipefail", "-c", code])
    if program:
        execute(clone, [sys.executable, "-c", "\n".join(program)])


def execute(clone, command):
    environment = {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}",
        "PYTHONPATH": str(clone),
        "CORPUS": "corpus",
        "GLUE_DIR": "glue",
        "NLTK_DATA": str(clone / "nltk"),
        "OMP_NUM_THREADS": "1",
    }
    result = subprocess.run(command, cwd=clone, env=environment, capture_output=True, text=True)
    if result.returncode:
        pytest.fail(f"{command[-1]}\n{result.stdout[-3000:]}\n{result.stderr[-3000:]}")


def test_tables_hold_what_the_documents_contain():
    used = set()
    for name in READMES:
        for block in blocks((ROOT / name).read_text(encoding="utf-8")):
            used |= prepared(*block)[1]
    assert used == {*NOT_RUN, *SMALLER}


def test_every_document_is_run():
    names = [str(path.relative_to(ROOT)) for path in project_files("*.md")]
    with_code = [name for name in names if list(blocks((ROOT / name).read_text("utf-8")))]
    assert sorted(with_code) == sorted(READMES)
