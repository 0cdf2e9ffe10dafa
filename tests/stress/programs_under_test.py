"""Programs that are started to be hit, and what they leave when nobody hits them."""

import hashlib
import json
import os
import pickle
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache, cached_property
from pathlib import Path

import torch

from cline_fairseq import compat  # noqa: F401  lets torch load what fairseq saves
from stress.material import ROOT, Material, command, environment, has_textattack

SAVING = 4  # updates from one checkpoint of training to the next
UPDATES_IN_RANKS = 30
_TIMED = ("seconds", "modified", "path", "inputs")  # fields of JSON files that differ by run
_NOT_COMPARED = (".log", "README.md")
_ROLLING = ("checkpoint_last.pt", "checkpoint_best.pt")  # written again and again in a run
_BROKEN = "broken"
_MARK = "CLINE_STRESS_RUN"  # a variable that the processes of one run share


class Program:
    """A program with its output.

    Args:
        name: for the table.
        parts: its command line, for a destination.
        folder: to run it once in, undisturbed.
    """

    def __init__(self, name: str, parts: Callable[[Path], list[object]], folder: Path):
        self.name, self.parts = name, parts
        self._folder = folder / f"undisturbed-{name}".replace(" ", "-")

    @cached_property
    def _undisturbed(self):
        self._folder.mkdir()
        self.parts(self._folder)  # what it works with is made now, which takes its own time
        start = time.monotonic()
        running = self.start(self._folder)
        if running.wait() != 0:
            raise RuntimeError(f"{self.name} fails undisturbed: {running.errors}")
        sizes = [path.stat().st_size for path in self._folder.rglob("*") if path.is_file()]
        lines = running.errors.replace(str(self._folder), "").splitlines()
        return time.monotonic() - start, contents(self._folder), max(sizes), set(lines)

    @property
    def seconds(self) -> float:
        """How long it takes undisturbed."""
        return self._undisturbed[0]

    @property
    def output(self) -> dict[str, str]:
        """Its files and what they hold."""
        return self._undisturbed[1]

    @property
    def largest(self) -> int:
        """The size of its largest file."""
        return self._undisturbed[2]

    def unusual(self, running: "Running", folder: Path) -> list[str]:
        """What it wrote to standard error in a folder, and does not write undisturbed."""
        lines = running.errors.replace(str(folder), "").strip().splitlines()
        return [line for line in lines if line not in self._undisturbed[3]]

    def start(self, folder: Path) -> "Running":
        """Start it with a destination in a folder."""
        return Running(command(*self.parts(folder / "out")), folder)

    def complete(self, folder: Path) -> str | None:
        """Run it to its end after somebody has hit it; why the output is wrong, if it is."""
        running = self.start(folder)
        if running.wait() != 0:
            return f"the same command again failed: {running.last_line}"
        return self.difference(folder, whole=True)

    def difference(self, folder: Path, whole: bool = False) -> str | None:
        """Where the output differs from the undisturbed one, if it does.

        Args:
            folder: that of the destination.
            whole: files may not be missing, and nothing unfinished may lie about.
        """
        found = contents(folder)
        wrong = [
            name
            for name, what in self.output.items()
            if found.get(name, what) != what
            and (whole or found[name] == _BROKEN or not name.endswith(_ROLLING))
        ]
        if wrong:
            return f"{', '.join(wrong)} held something else under its final name"
        if whole and found != self.output:
            missing = sorted(self.output.keys() - found.keys())
            more = sorted(found.keys() - self.output.keys())
            return f"files were missing ({', '.join(missing)}) or left over ({', '.join(more)})"
        return None


class Running:
    """A program at work, in a session of its own."""

    def __init__(self, arguments: list[str], folder: Path):
        name = f"{folder.name}.{time.monotonic_ns()}"
        self._mark = str(folder.parent / name)
        self._log = Path(f"{self._mark}.err")
        with self._log.open("wb") as errors:
            self.process = subprocess.Popen(
                arguments,
                cwd=ROOT,
                env={**environment(), "TQDM_DISABLE": "1", _MARK: self._mark},
                stdout=subprocess.DEVNULL,
                stderr=errors,
                start_new_session=True,
            )
        self.pid = self.process.pid

    def wait(self, seconds: float | None = 600) -> int | None:
        """Its status, or None if it does not end in time."""
        try:
            return self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            return None

    @property
    def errors(self) -> str:
        """What it wrote to standard error."""
        return self._log.read_text(encoding="utf-8", errors="replace")

    @property
    def last_line(self) -> str:
        """The end of that."""
        return (self.errors.strip().splitlines() or ["(no message)"])[-1]

    def others(self, seconds: float = 2) -> list[int]:
        """Processes that it has started, and that are still there after some seconds."""
        deadline = time.monotonic() + seconds
        while (found := list(self._descendants())) and time.monotonic() < deadline:
            time.sleep(0.05)
        return found

    def ranks(self) -> list[int]:
        """The processes of distributed training, by rank; it must be their launcher."""
        children = Path(f"/proc/{self.pid}/task/{self.pid}/children").read_text().split()
        variables = {int(pid): Path(f"/proc/{pid}/environ").read_bytes() for pid in children}
        rank_of = {
            pid: int(found[1])
            for pid, text in variables.items()
            if (found := re.search(rb"(?:^|\0)RANK=(\d+)\0", text))
        }
        return sorted(rank_of, key=rank_of.get)

    def end_all(self) -> None:
        """Kill whatever is left of it."""
        self.process.kill()
        self.process.wait()
        for pid in self._descendants():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def _descendants(self) -> Iterator[int]:
        """What it has started, in whatever session, but for those that have ended.

        One that has been killed gives back its memory first, and with it its variables.
        """
        for path in Path("/proc").glob("[0-9]*/environ"):
            pid = int(path.parent.name)
            with suppress(FileNotFoundError, ProcessLookupError, PermissionError):
                if pid != self.pid and f"{_MARK}={self._mark}\0".encode() in path.read_bytes():
                    yield pid


def contents(folder: Path) -> dict[str, str]:
    """What the files of a folder hold, by name, without what differs in any two runs."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    digests = {str(path.relative_to(folder)): _digest(path, folder) for path in files}
    return {name: digest for name, digest in digests.items() if digest is not None}


def _digest(path, folder):
    if path.name.endswith(_NOT_COMPARED):
        return "not compared"
    if path.suffix == ".json":
        record = json.loads(path.read_bytes())
        if isinstance(record, dict):
            if record.get("finished") is False:
                return None  # a manifest that says so
            record = {name: value for name, value in record.items() if name not in _TIMED}
            for output in record.get("outputs", []):
                for name in _TIMED:
                    output.pop(name, None)
        return json.dumps(record, sort_keys=True)
    if path.suffix == ".pt":
        try:
            state = torch.load(path, weights_only=True)
        except (EOFError, OSError, RuntimeError, pickle.UnpicklingError):
            return _BROKEN
        parts = {name: state.get(name) for name in ("model", "criterion", "last_optimizer_state")}
        updates = state["optimizer_history"][-1]["num_updates"]  # earlier ones are of resumed runs
        return f"{updates} {_hash(parts)}"
    data = path.read_bytes().replace(str(folder).encode(), b"")  # some hold a command line
    return hashlib.sha256(data).hexdigest()


def _hash(value):
    """A digest of tensors in dictionaries and lists."""
    if isinstance(value, torch.Tensor):
        return hashlib.sha256(value.reshape(-1).view(torch.uint8).numpy()).hexdigest()
    if isinstance(value, dict):
        value = [(str(name), _hash(part)) for name, part in value.items()]
    elif isinstance(value, list | tuple):
        value = [_hash(part) for part in value]
    return hashlib.sha256(repr(value).encode()).hexdigest()


@cache
def preparing(material: Material) -> list[Program]:
    """The programs that prepare a corpus."""
    return [
        Program("encode", lambda out: material.encode(material.corpus, out, 2), material.folder),
        Program(
            "rewrite", lambda out: material.rewrite(out.with_suffix(".jsonl"), 2), material.folder
        ),
        Program("train_sentencepiece", material.train_vocabulary, material.folder),
        Program("glue_preprocess", material.preprocess_glue, material.folder),
    ]


@cache
def converting(material: Material) -> list[Program]:
    """The programs that convert a model."""
    return [
        Program("export_hf", material.export, material.folder),
        Program("export_cline", lambda out: material.export(out, "export_cline"), material.folder),
    ]


@cache
def measuring(material: Material) -> list[Program]:
    """The programs that measure a model or a corpus, and draw."""

    def with_model(script, out, *options):
        return [
            *(f"scripts/{script}.py", "--checkpoint", f"a={material.checkpoint}"),
            *("--input", material.sentences, "--resamples", 10),
            *("--json", out.with_name("figures.json"), *options),
        ]

    return [
        Program(
            "evaluate_hits",
            lambda out: with_model(
                *("evaluate_hits", out, "--plot", out.with_name("hits.png")),
                *("--save-triples", out.with_name("triples.tsv")),
            ),
            material.folder,
        ),
        Program(
            "plot_embeddings",
            lambda out: with_model("plot_embeddings", out, "--output", out.with_name("plot.png")),
            material.folder,
        ),
        Program(
            "inspect_data",
            lambda out: [
                *("scripts/inspect_data.py", material.binarized, *material.subwords),
                *("--plot", out.with_name("lengths.png")),
            ],
            material.folder,
        ),
    ]


@cache
def reporting(material: Material) -> list[Program]:
    """The programs that draw, report and attack what was trained."""
    programs = [
        Program(
            "plot_training",
            lambda out: [
                *("scripts/plot_training.py", material.training_log),
                *("--output", out.with_name("curves.png")),
            ],
            material.folder,
        ),
        Program(
            "glue_report",
            lambda out: [
                *("scripts/glue_report.py", material.glue_runs),
                *("--json", out.with_name("glue.json"), "--plot", out.with_name("glue.png")),
            ],
            material.folder,
        ),
        Program(
            "glue_submit",
            lambda out: [
                *("scripts/glue_submit.py", material.glue_runs, "--allow-missing"),
                *("--zip", out.with_name("submission.zip")),
            ],
            material.folder,
        ),
    ]
    if has_textattack():
        attack = Program(
            "attack", lambda out: material.attack(material.classifier, out), material.folder
        )
        programs.append(attack)
    return programs


@cache
def whole_runs(material: Material) -> list[Program]:
    """The programs that run others, from text to figures."""
    return [
        Program(
            "quickstart",
            lambda out: ["scripts/quickstart.py", "--dest", out, "--updates", 10],
            material.folder,
        ),
        Program(
            "compare_objectives",
            lambda out: [
                *("scripts/compare_objectives.py", "--data", material.binarized),
                *(*material.subwords, "--sentences", material.sentences, "--dest", out),
                *("--arms", "masked_lm", "--updates", 4, "--rows", 12, "--layers", 1),
            ],
            material.folder,
        ),
    ]


@cache
def training(material: Material) -> list[Program]:
    """The programs that train, for some seconds, with many checkpoints."""
    options = ("--num-workers", 1, "--save-interval-updates", SAVING, "--keep-interval-updates", 1)
    return [
        Program("fairseq-train", lambda out: material.train(out, 40, *options), material.folder),
        Program("glue_finetune", material.finetune, material.folder),
    ]


@cache
def training_in_ranks(material: Material) -> Program:
    """The training of two processes on the CPU, with many checkpoints."""
    options = ("--num-workers", 1, "--save-interval-updates", SAVING, "--keep-interval-updates", 1)
    workers = ("--distributed-world-size", 2, "--distributed-backend", "gloo")

    def parts(out):
        program, *arguments = material.train(out, UPDATES_IN_RANKS, *options, *workers)
        launcher = ("torchrun", "--nproc-per-node", 2, "--standalone", "--no-python")
        return [*launcher, command(program)[0], *arguments]

    return Program("fairseq-train in two ranks", parts, material.folder)
