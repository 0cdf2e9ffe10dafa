"""The predictor compared with fairseq's RobertaHubInterface, which reads one text at a time.

Both have the same weights, take plain text, and tokenize it; the interface runs fairseq's own
RoBERTa, as its users call it: encode, predict. They take turns, and their probabilities are
compared.

With --memory, the predictor alone then reads that many texts, the given ones again and again, and
ten times as many. The peak memory of the process should hardly differ, apart from the results.
"""

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from benchmarks.measures import memory, peak_memory, seconds
from cline_fairseq.atomic_io import require_text
from cline_fairseq.checkpoint_files import checkpoint_file
from cline_fairseq.cli.options import add_recorded_options, require_files
from cline_fairseq.errors import InputError
from cline_fairseq.tokenizer import TokenizerFiles

_ATOL = 1e-3  # of probabilities


def add_parser(commands):
    parser = commands.add_parser("evaluate", help="the predictor, against fairseq's interface")
    parser.add_argument("--checkpoint", type=Path, required=True, help="a fine-tuned classifier")
    parser.add_argument(
        "--text", type=Path, required=True, help="plain text with one text per line"
    )
    parser.add_argument(
        "--texts",
        type=int,
        default=500,
        metavar="N",
        help="number of texts to read; 0 is all (default: %(default)s)",
    )
    parser.add_argument(
        "--threads",
        type=int,
        default=1,
        metavar="N",
        help="number of CPU threads (default: %(default)s)",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        default=5,
        metavar="N",
        help="number of measurements, of which the median counts (default: %(default)s)",
    )
    parser.add_argument(
        "--memory",
        type=int,
        default=0,
        metavar="N",
        help="measure the peak memory with N texts and with 10 N; 0 is off (default: %(default)s)",
    )
    add_recorded_options(parser, "folder with its binarized task")
    parser.set_defaults(run=run)


def run(args) -> dict[str, float]:
    """The figures of prediction."""
    require_text(args.text)
    checkpoint_file(args.checkpoint)
    require_files(args)
    import torch  # takes seconds, --help does not

    from cline_fairseq.checkpoint import load_model
    from cline_fairseq.inference import Predictor

    torch.set_num_threads(args.threads)
    lines = args.text.read_text(encoding="utf-8").split("\n")
    texts = [line for line in lines if line.strip()][: args.texts or None]
    if not texts:
        raise InputError(f"{args.text} has no texts: pass one with a text on each line")
    loaded = load_model(args.checkpoint, args.data, TokenizerFiles.of(args))
    predictor = Predictor.from_loaded(loaded, name=str(args.checkpoint))
    ours = predictor.predict_proba(texts)
    interface = build_interface(predictor, loaded)

    @torch.no_grad()
    def one_by_one():
        rows = []
        for text in texts:
            tokens = interface.encode(text.strip())[: predictor.max_positions]
            rows.append(interface.predict(predictor.head, tokens)[0].exp().cpu().numpy())
        return np.stack(rows)

    if not np.allclose(ours, one_by_one(), atol=_ATOL):
        raise RuntimeError("our probabilities are not those of fairseq's interface")
    works = {"predictor": lambda: predictor.predict_proba(texts), "interface": one_by_one}
    taken = {name: [] for name in works}
    for _ in range(args.repeats):
        for name, work in works.items():
            taken[name].append(seconds(work))
    ratios = np.array(taken["interface"]) / np.array(taken["predictor"])
    tokens = sum(len(row) for row in predictor.encode(texts))
    return {
        "predictor: texts/s": len(texts) / float(np.median(taken["predictor"])),
        "fairseq's interface: texts/s": len(texts) / float(np.median(taken["interface"])),
        "times faster": float(np.median(ratios)),
        "tokens a text": tokens / len(texts),
        **(memory_of(predictor, texts, args.memory) if args.memory else {}),
    }


def memory_of(predictor, texts: list[str], number: int) -> dict[str, float]:
    """The memory of the process with some texts, and with ten times as many."""
    figures = {"before, MB": memory()}
    for count in (number, 10 * number):
        peak = peak_memory(lambda count=count: predictor.predict_proba(Repeated(texts, count)))
        figures[f"peak with {count:,} texts, MB"] = peak
    _, fewer, more = figures.values()
    return {**figures, "peak, times as much": more / fewer}


class Repeated(Sequence):
    """Texts again and again, which take no more memory for that."""

    def __init__(self, texts: list[str], count: int):
        self._texts, self._count = texts, count

    def __len__(self):
        return self._count

    def __getitem__(self, index):
        if isinstance(index, slice):
            return [self[i] for i in range(*index.indices(self._count))]
        if index >= self._count:
            raise IndexError
        return self._texts[index % len(self._texts)]


def build_interface(predictor, loaded):
    """fairseq's own RoBERTa with the weights of the predictor, behind its interface."""
    from fairseq.models.roberta import RobertaHubInterface, RobertaModel
    from omegaconf import OmegaConf

    task = argparse.Namespace(source_dictionary=loaded.task.source_dictionary)
    ours = predictor.model
    model = RobertaModel.build_model(ours.args, task)
    model.register_classification_head(predictor.head, len(predictor.labels))
    weights = {k: v for k, v in ours.state_dict().items() if "rtd_head" not in k}
    model.load_state_dict(weights)
    config = OmegaConf.create({"bpe": loaded.tokenizer.config})
    return RobertaHubInterface(config, task, model).to(predictor.device).eval()
