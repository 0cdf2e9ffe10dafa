"""Tasks to fine-tune on: what a task is, and GLUE's nine (https://gluebenchmark.com) in a table."""

import re
from dataclasses import dataclass, field

from ...errors import InputError

AX = "ax"  # GLUE's diagnostic set as a split of MNLI
_FILES = {"train": "train.tsv", "valid": "dev.tsv", "test": "test.tsv"}


@dataclass(frozen=True)
class TextTask:
    """A task: to label texts or pairs of texts. A GLUE task is a preset of one.

    Attributes:
        name: name of the task.
        texts: columns with one text, or with both texts of a pair.
        label: column with the label.
        labels: labels as spelled in the files; empty for regression.
        metrics: metrics to compute; the score of the task is their mean.
    """

    name: str
    texts: tuple[str, ...]
    label: str
    labels: tuple[str, ...]
    metrics: tuple[str, ...]

    @property
    def is_regression(self) -> bool:
        """Whether the label is a number."""
        return not self.labels

    @property
    def num_classes(self) -> int:
        """Number of outputs of the head; 1 for regression."""
        return len(self.labels) or 1

    @property
    def head(self) -> str:
        """Name of the classification head, so that a head for another task is not reused."""
        return f"task_{re.sub('[^a-z0-9]+', '_', self.name.lower())}"

    @property
    def score_range(self) -> tuple[float, float] | None:
        """Smallest and greatest label of a regression; None if any number is a label."""
        return None

    @property
    def valid_splits(self) -> list[str]:
        """Splits to score."""
        return ["valid"]


@dataclass(frozen=True)
class GlueTask(TextTask):
    """A GLUE task, whose name is also that of its folder. Its test files have no labels.

    Attributes:
        leaderboard: names of the leaderboard's files, keyed by split.
        files: names of the published files, keyed by fairseq's name of the split.
        columns: columns of the train and dev files; None if these have a header.
        broken_rows: whether the published train and dev files contain malformed rows.
        diagnostic: where the diagnostic set may be in the folder of all tasks, the usual place
            first; none for tasks whose labels are not its labels.
    """

    leaderboard: dict[str, str]
    files: dict[str, str] = field(default_factory=lambda: dict(_FILES))
    columns: tuple[str, ...] | None = None
    broken_rows: bool = False
    diagnostic: tuple[str, ...] = ()

    @property
    def predictions(self) -> dict[str, str]:
        """Names of all files with predictions, keyed by split: the leaderboard's, and AX.tsv."""
        return {**self.leaderboard, **({AX: "AX.tsv"} if self.diagnostic else {})}

    def has_labels(self, split: str) -> bool:
        """Whether the published file of a split has labels."""
        return not split.startswith("test") and split != AX

    @property
    def head(self) -> str:
        return f"glue_{self.name.lower().replace('-', '_')}"

    @property
    def score_range(self) -> tuple[float, float]:
        return SCORES

    @property
    def valid_splits(self) -> list[str]:
        return [split for split in self.files if split.startswith("valid")]


_BINARY = ("0", "1")
_ENTAILMENT = ("entailment", "not_entailment")
_SENTENCES = ("sentence1", "sentence2")
SCORES = (0.0, 5.0)  # smallest and greatest label of a regression

# Wang et al. 2018, arXiv 1804.07461.
_ALL = (
    GlueTask(
        name="CoLA",
        texts=("sentence",),
        label="label",
        labels=_BINARY,
        metrics=("matthews",),
        leaderboard={"test": "CoLA.tsv"},
        columns=("source", "label", "mark", "sentence"),
    ),
    GlueTask(
        name="SST-2",
        texts=("sentence",),
        label="label",
        labels=_BINARY,
        metrics=("accuracy",),
        leaderboard={"test": "SST-2.tsv"},
    ),
    GlueTask(
        name="MRPC",
        texts=("#1 String", "#2 String"),
        label="Quality",
        labels=_BINARY,
        metrics=("f1", "accuracy"),
        leaderboard={"test": "MRPC.tsv"},
    ),
    GlueTask(
        name="STS-B",
        texts=_SENTENCES,
        label="score",
        labels=(),
        metrics=("pearson", "spearman"),
        leaderboard={"test": "STS-B.tsv"},
    ),
    GlueTask(
        name="QQP",
        texts=("question1", "question2"),
        label="is_duplicate",
        labels=_BINARY,
        metrics=("f1", "accuracy"),
        leaderboard={"test": "QQP.tsv"},
        broken_rows=True,
    ),
    GlueTask(
        name="MNLI",
        texts=_SENTENCES,
        label="gold_label",
        labels=("contradiction", "entailment", "neutral"),
        metrics=("accuracy",),
        leaderboard={"test": "MNLI-m.tsv", "test1": "MNLI-mm.tsv"},
        files={
            "train": "train.tsv",
            "valid": "dev_matched.tsv",
            "valid1": "dev_mismatched.tsv",
            "test": "test_matched.tsv",
            "test1": "test_mismatched.tsv",
        },
        # The last is what download_glue_data.py makes.
        diagnostic=("AX/AX.tsv", "AX/ax.tsv", "AX.tsv", "ax.tsv", "diagnostic/diagnostic.tsv"),
    ),
    GlueTask(
        name="QNLI",
        texts=("question", "sentence"),
        label="label",
        labels=_ENTAILMENT,
        metrics=("accuracy",),
        leaderboard={"test": "QNLI.tsv"},
    ),
    GlueTask(
        name="RTE",
        texts=_SENTENCES,
        label="label",
        labels=_ENTAILMENT,
        metrics=("accuracy",),
        leaderboard={"test": "RTE.tsv"},
    ),
    GlueTask(
        name="WNLI",
        texts=_SENTENCES,
        label="label",
        labels=_BINARY,
        metrics=("accuracy",),
        leaderboard={"test": "WNLI.tsv"},
    ),
)
GLUE_TASKS = {task.name: task for task in _ALL}


def parse_tasks(text: str) -> list[GlueTask]:
    """Parse ``all``, or names of tasks separated by commas.

    Raises:
        InputError: if a task does not exist.
    """
    if text == "all":
        return list(GLUE_TASKS.values())
    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in GLUE_TASKS:
            raise InputError(
                f"no task {name!r} in GLUE: pass all, or some of {', '.join(GLUE_TASKS)}"
            )
    return [GLUE_TASKS[name] for name in dict.fromkeys(names)]
