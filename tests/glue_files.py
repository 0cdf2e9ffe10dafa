"""GLUE's tasks with a few examples each, in the formats in which GLUE publishes them."""

import random

SIZES = {"train": 48, "valid": 16, "valid1": 12, "test": 10, "test1": 9, "ax": 7}
FILES = {
    "CoLA": {"train": "train.tsv", "valid": "dev.tsv", "test": "test.tsv"},
    "MNLI": {
        "train": "train.tsv",
        "valid": "dev_matched.tsv",
        "valid1": "dev_mismatched.tsv",
        "test": "test_matched.tsv",
        "test1": "test_mismatched.tsv",
    },
}
LABELS = {
    "CoLA": ("1", "0"),
    "SST-2": ("0", "1"),
    "MRPC": ("1", "0"),
    "STS-B": None,
    "QQP": ("0", "1"),
    "MNLI": ("neutral", "entailment", "contradiction"),
    "QNLI": ("entailment", "not_entailment"),
    "RTE": ("not_entailment", "entailment"),
    "WNLI": ("0", "1"),
}
PAIRS = {"MRPC", "STS-B", "QQP", "MNLI", "QNLI", "RTE", "WNLI"}
_MNLI = (
    "index\tpromptID\tpairID\tgenre\tsentence1_binary_parse\tsentence2_binary_parse\t"
    "sentence1_parse\tsentence2_parse\tsentence1\tsentence2"
)
_MRPC = "#1 ID\t#2 ID\t#1 String\t#2 String"
_STSB = "index\tgenre\tfilename\tyear\told_index\tsource1\tsource2\tsentence1\tsentence2"
_TEST_HEADERS = {
    "CoLA": "index\tsentence",
    "SST-2": "index\tsentence",
    "MRPC": f"index\t{_MRPC}",
    "STS-B": _STSB,
    "QQP": "id\tquestion1\tquestion2",
    "MNLI": _MNLI,
    "QNLI": "index\tquestion\tsentence",
    "RTE": "index\tsentence1\tsentence2",
    "WNLI": "index\tsentence1\tsentence2",
}


def write_task(folder, name, texts, seed=0):
    """Write the files of a task.

    A label can be seen in the text: all tasks can be learned.

    Returns:
        the texts and labels of each split, as they must be read.
    """
    rng = random.Random(seed)
    folder = folder / name
    folder.mkdir(parents=True)
    written = {}
    files = FILES.get(name, FILES["CoLA"])
    for split, file in files.items():
        examples = [_example(rng, name, texts) for _ in range(SIZES[split])]
        rows = [_row(name, split, i, *example) for i, example in enumerate(examples)]
        header = _header(name, split)
        lines = rows if header is None else [header, *rows]
        text = "\n".join(lines) + "\n"
        if name == "MRPC" and split != "test":
            text = "\ufeff" + text
        (folder / file).write_bytes(text.encode("utf-8"))
        written[split] = examples
    return written


def write_diagnostic(path, texts):
    """Write GLUE's diagnostic set; the texts, as they must be read."""
    rng = random.Random(0)
    pairs = [_example(rng, "MNLI", texts)[0] for _ in range(SIZES["ax"])]
    rows = [f"{i}\t{first}\t{second}" for i, (first, second) in enumerate(pairs)]
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(("\n".join(["index\tsentence1\tsentence2", *rows]) + "\n").encode())
    return pairs


def _example(rng, name, texts):
    """Texts with a quotation mark and odd ends of lines, and a label that their words tell."""
    labels = LABELS[name]
    # Not equally often, and the first ones of a train file are not sorted.
    weights = None if labels is None else [3, 2, 1][: len(labels)]
    label = rng.choices(labels, weights)[0] if labels else f"{rng.uniform(0, 5):.3f}"
    words = " ".join(rng.choice(texts).split()[:5])
    mark = rng.choice(['"', "\u2028", "\x85", "'", ""])
    if labels is None:
        common = round(float(label))
        first = f"{words} {mark}" + " good" * common
        second = "good" * common + words
    else:
        sign = ("good good", "bad bad", "never never")[labels.index(label)]
        first, second = f'{sign} {words} {mark} "', f"{words} {sign}"
    return ((first, second) if name in PAIRS else (first,)), label


def _header(name, split):
    if split.startswith("test"):
        return _TEST_HEADERS[name]
    return {
        "CoLA": None,
        "SST-2": "sentence\tlabel",
        "MRPC": f"Quality\t{_MRPC}",
        "STS-B": f"{_STSB}\tscore",
        "QQP": "id\tqid1\tqid2\tquestion1\tquestion2\tis_duplicate",
        "MNLI": f"{_MNLI}\tlabel1"
        + ("" if split == "train" else "\tlabel2\tlabel3\tlabel4\tlabel5")
        + "\tgold_label",
        "QNLI": "index\tquestion\tsentence\tlabel",
        "RTE": "index\tsentence1\tsentence2\tlabel",
        "WNLI": "index\tsentence1\tsentence2\tlabel",
    }[name]


def _row(name, split, index, texts, label):
    text = "\t".join(texts)
    test = split.startswith("test")
    if name == "CoLA":
        return f"{index}\t{text}" if test else f"gj04\t{label}\t{'*' * (label == '0')}\t{text}"
    if name == "SST-2":
        return f"{index}\t{text}" if test else f"{text} \t{label}"
    if name == "MRPC":
        return f"{index if test else label}\t{index + 100}\t{index + 200}\t{text}"
    if name == "STS-B":
        row = f"{index}\tmain-captions\tMSRvid\t2012test\t0001\tnone\tnone\t{text}"
        return row if test else f"{row}\t{label}"
    if name == "QQP":
        return f"{index}\t{text}" if test else f"{index + 900}\t1\t2\t{text}\t{label}"
    if name == "MNLI":
        row = f"{index}\t31193\t31193n\tgovernment\t( a )\t( b )\t(ROOT)\t(ROOT)\t{text}"
        votes = "" if test else f"\t{label}" * (1 if split == "train" else 5)
        return f"{row}{votes}" + ("" if test else f"\t{label}")
    return f"{index}\t{text}" if test else f"{index}\t{text}\t{label}"
