"""The data loader of --task cline with several workers, as fairseq-train runs it.

Speed is in source tokens, of which each becomes three that the encoder reads, and by the time of a
core that the workers use, so that it is the same whatever else a machine does. It is measured over
the second half of the batches, when most words are known. The memory of a worker is divided into
what it has alone and what it shares with others.
"""

import os
from pathlib import Path

from benchmarks.options import add_data_options, add_rewriting_options, require_data
from cline_fairseq.cli.options import add_tokenizer_options
from cline_fairseq.errors import InputError
from cline_fairseq.tokenizer import TokenizerFiles

_TICK = 1 / os.sysconf("SC_CLK_TCK")  # seconds, the unit of the system's accounts


def add_parser(commands):
    parser = commands.add_parser("loader", help="the data loader with several workers")
    add_data_options(parser)
    parser.add_argument(
        "--workers",
        type=int,
        nargs="+",
        default=[1, 2, 4],
        metavar="N",
        help="numbers of workers (default: 1 2 4)",
    )
    add_rewriting_options(parser)
    parser.add_argument(
        "--max-tokens",
        type=int,
        default=8192,
        metavar="N",
        help="maximum number of tokens in a batch, of all three rows (default: %(default)s)",
    )
    parser.add_argument(
        "--batches",
        type=int,
        default=400,
        metavar="N",
        help="number of batches to load (default: %(default)s)",
    )
    parser.add_argument(
        "--gpu-tokens",
        type=float,
        default=200_000,
        metavar="X",
        help="source tokens that a GPU takes in a second (default: %(default)s)",
    )
    add_tokenizer_options(parser)
    parser.set_defaults(run=run)


def run(args) -> dict[str, float]:
    """The figures of the loader."""
    subwords = TokenizerFiles.of(args).config()
    require_data(args)
    from cline_fairseq.tasks.cline import ClineConfig, ClineTask  # takes seconds, --help does not

    config = ClineConfig(
        data=args.data,
        sample_break_mode="none",
        tokens_per_sample=args.block,
        seed=1,
        subwords=subwords,
        match_edits=args.match_edits,
    )
    figures = {}
    for workers in args.workers:
        task = ClineTask.setup_task(config)
        task.load_dataset(args.split)
        for name, value in _measure(task, workers, args).items():
            figures[f"{workers} workers: {name}"] = value
    return figures


def _measure(task, workers, args):
    iterator = task.get_batch_iterator(
        task.dataset(args.split),
        max_tokens=args.max_tokens,
        ignore_invalid_inputs=True,
        num_workers=workers,
        data_buffer_size=2 * workers,
    )
    count = min(args.batches, len(iterator.frozen_batches))
    if count < 2:
        raise InputError(
            f"{count} batches are too few to measure: use a longer corpus, smaller --max-tokens or "
            "more --batches"
        )
    before, tokens, processes = 0.0, 0, []
    for i, sample in enumerate(iterator.next_epoch_itr(shuffle=True), 1):
        if i == count // 2:
            processes, tokens = _workers(), 0
            before = sum(map(_seconds, processes))
        tokens += int(sample["net_input"]["src_lengths"][: sample["nsentences"]].sum())
        if i == count:
            break
    # Workers are ahead by the batches in their queues, here as at the beginning.
    spent = max(sum(map(_seconds, processes)) - before, _TICK)
    memory = [_memory(process) for process in processes]
    speed = tokens / spent
    return {
        "source tokens/s of a core": speed,
        f"cores for a GPU of {args.gpu_tokens:,.0f} source tokens/s": args.gpu_tokens / speed,
        "MB that a worker has alone": sum(alone for alone, _ in memory) / len(memory),
        "MB that a worker shares": sum(shared for _, shared in memory) / len(memory),
    }


def _workers():
    """The processes of the loader, which are all children of this one."""
    threads = Path(f"/proc/{os.getpid()}/task").iterdir()
    return [int(child) for t in threads for child in (t / "children").read_text().split()]


def _seconds(process):
    """The time that a process has computed."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) * _TICK


def _memory(process):
    """The MB that a process has alone, and those that it shares."""
    alone = shared = 0
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        name, _, rest = line.partition(":")
        if name.startswith("Private_"):
            alone += int(rest.split()[0])
        elif name.startswith("Shared_"):
            shared += int(rest.split()[0])
    return alone * 1024 / 1e6, shared * 1024 / 1e6
