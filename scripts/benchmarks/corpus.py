"""Text to fairseq's binarized files: ours against fairseq's two steps, side by side.

fairseq's steps are its encoder, line by line as in multiprocessing_bpe_encoder, and
fairseq-preprocess, both with one process. Each step is a process of its own, timed with its
start-up, one after the other in each repetition, on the first --megabytes of the text. Our program
also runs on the whole text, with one worker and with two.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from cline_fairseq.atomic_io import require_text
from cline_fairseq.cli.options import add_tokenizer_options
from cline_fairseq.runtime.children import started
from cline_fairseq.tokenizer import TokenizerFiles

BIN = Path(sys.executable).parent
SCRIPTS = Path(__file__).parent.parent
POLL = 0.1  # seconds
ENCODE = """
import json, sys
from fairseq.data import encoders
from omegaconf import OmegaConf

bpe = encoders.build_bpe(OmegaConf.create(json.loads(sys.argv[1])))
with open(sys.argv[2], encoding="utf-8") as lines, open(sys.argv[3], "w", encoding="utf-8") as out:
    for line in lines:
        line = line.strip()
        print(bpe.encode(line) if line else "", file=out)
"""


def add_parser(commands):
    parser = commands.add_parser("corpus", help="text to binarized files, against fairseq")
    parser.add_argument(
        "--text", type=Path, required=True, help="plain text with one text per line"
    )
    parser.add_argument("--dict", type=Path, required=True, help="fairseq's dictionary")
    parser.add_argument(
        "--megabytes",
        type=int,
        default=8,
        metavar="N",
        help="megabytes of the text to compare with fairseq on (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=3,
        metavar="N",
        help="number of measurements, of which the median counts (default: %(default)s)",
    )
    add_tokenizer_options(parser)
    parser.set_defaults(run=run)


def measured(command) -> tuple[float, float]:
    """Return the seconds that a program takes, and the peak MB of its largest process."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    peaks: dict[int, float] = {}
    with tempfile.TemporaryFile() as log:
        start = time.perf_counter()
        command = [str(part) for part in command]
        with started(command, stdout=log, stderr=subprocess.STDOUT, env=environment) as process:
            while process.poll() is None:
                peaks |= peak_memory(process.pid)
                time.sleep(POLL)
        taken = time.perf_counter() - start
        if process.returncode:
            log.seek(0)
            raise RuntimeError(log.read().decode(errors="replace"))
    return taken, max(peaks.values())


def peak_memory(pid: int) -> dict[int, float]:
    """Return the peak memory so far of a process and its children, in MB, keyed by process id."""
    peaks = {}
    try:
        status = Path(f"/proc/{pid}/status").read_text()
        peaks[pid] = int(status.split("VmHWM:")[1].split()[0]) * 1024 / 1e6
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            peaks |= peak_memory(int(child))
    except (OSError, IndexError):  # it has ended
        pass
    return peaks


def num_tokens(folder) -> int:
    """Return the number of tokens in the manifest that encode.py wrote."""
    manifest = json.loads((folder / "train.manifest.json").read_text(encoding="utf-8"))
    return manifest["counts"]["tokens"]


def run(args) -> dict[str, float]:
    """Measure corpus preparation."""
    require_text(args.text)
    files = TokenizerFiles.of(args)
    config, tokenizer = files.config(), files.command_line()
    with tempfile.TemporaryDirectory() as folder:
        folder = Path(folder)
        part, symbols = folder / "part.txt", folder / "part.symbols"
        with args.text.open("rb") as text:
            part.write_bytes(text.read(args.megabytes * 10**6).rpartition(b"\n")[0] + b"\n")

        def ours(text, workers):
            return measured(
                [
                    *(sys.executable, SCRIPTS / "encode.py", *tokenizer, "--dict", args.dict),
                    *("--input", text, "--binarize", "--dest", folder / "ours", "--overwrite"),
                    *("--workers", workers),
                ]
            )

        def fairseq():
            shutil.rmtree(folder / "fairseq", ignore_errors=True)
            return [
                measured([sys.executable, "-c", ENCODE, json.dumps(config), part, symbols]),
                measured(
                    [
                        *(BIN / "fairseq-preprocess", "--only-source", "--srcdict", args.dict),
                        *("--trainpref", symbols, "--destdir", folder / "fairseq"),
                    ]
                ),
            ]

        small, theirs, one, two = [], [], [], []
        for _ in range(args.repeats):
            theirs.append(fairseq())
            small.append(ours(part, 1))
            for end in ("bin", "idx"):
                left, right = (folder / name / f"train.{end}" for name in ("ours", "fairseq"))
                if left.read_bytes() != right.read_bytes():
                    raise RuntimeError(f"our train.{end} differs from fairseq's")
            tokens = num_tokens(folder / "ours")
            one.append(ours(args.text, 1))
            two.append(ours(args.text, 2))
        all_tokens = num_tokens(folder / "ours")
    encode, preprocess = np.array(theirs).transpose(1, 0, 2)
    small, one, two = np.array(small), np.array(one), np.array(two)
    return {
        "fairseq's encoder: tokens/s": float(np.median(tokens / encode[:, 0])),
        "fairseq-preprocess: tokens/s": float(np.median(tokens / preprocess[:, 0])),
        "fairseq, both: tokens/s": float(np.median(tokens / (encode + preprocess)[:, 0])),
        "ours, the same text: tokens/s": float(np.median(tokens / small[:, 0])),
        "ours, whole text: tokens/s": float(np.median(all_tokens / one[:, 0])),
        "times faster than fairseq": float(np.median((encode + preprocess)[:, 0] / small[:, 0])),
        "times faster with 2 workers": float(np.median(one[:, 0] / two[:, 0])),
        "peak MB of a process, fairseq": float(max(encode[:, 1].max(), preprocess[:, 1].max())),
        "peak MB of a process, the same text": float(small[:, 1].max()),
        "peak MB of a process, whole text": float(max(one[:, 1].max(), two[:, 1].max())),
    }
