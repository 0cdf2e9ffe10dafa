"""The work of the benchmark of training; see :mod:`.train`. It needs torch and fairseq."""

import argparse
import json
import tempfile
from contextlib import contextmanager
from itertools import product
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from fairseq.criterions.masked_lm import MaskedLmConfig, MaskedLmLoss
from fairseq.models.roberta import RobertaModel
from fairseq.models.roberta.model import base_architecture as roberta_architecture
from fairseq.tasks.masked_lm import MaskedLMConfig, MaskedLMTask
from fairseq.utils import apply_to_sample
from torch import nn

from benchmarks.device_check import check_device
from benchmarks.measures import seconds
from cline_fairseq.criterions.cline import ClineCriterion, ClineCriterionConfig
from cline_fairseq.errors import InputError
from cline_fairseq.models import cpu
from cline_fairseq.models.cline import ClineModel, base_architecture
from cline_fairseq.models.operations import linear
from cline_fairseq.runtime.precision import dtype_of
from cline_fairseq.tasks.cline import ClineConfig, ClineTask

HEAD = 64  # dimension of a head of attention


def measure_all(args, subwords) -> dict[str, float]:
    """The figures of all cases.

    Args:
        args: the options of the program.
        subwords: fairseq's configuration of the tokenizer.
    """
    try:
        torch.empty(0, device=args.device)
    except (AssertionError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"--device {args.device} cannot be used here: {reason}") from error
    on_cpu = torch.device(args.device).type == "cpu"
    figures = {} if on_cpu else check_device(torch.device(args.device))
    cases = product(args.sizes, args.blocks, args.break_modes, args.attention_dropout)
    for size, block, mode, dropout in cases:
        name = f"{size}, {block} tokens, {mode}, attention dropout {dropout:g}"
        contenders = _contenders(args, subwords, size, block, mode, dropout)
        for kind, contender in contenders.items():
            if kind in ("stock", "cline"):  # the others have the batches of the first
                figures[f"{name}: {kind}, padding"] = contender.padding()
            figures[f"{name}: {kind}, MB"] = contender.memory()
        for threads in args.threads if on_cpu else [torch.get_num_threads()]:
            with _num_threads(threads):
                measured = _measure(contenders, args)
            for key, value in measured.items():
                figures[f"{name}, threads {threads}: {key}"] = value
    return figures


class Contender:
    """A model with what it is trained with."""

    def __init__(self, args, precision, model, criterion, batches, loading, own_kernels=True):
        self._own_kernels = own_kernels
        self.device, self.precision = torch.device(args.device), precision
        self.model = model.train().to(self.device, dtype_of(precision))
        self.criterion = criterion.train().to(self.device)
        self.batches = apply_to_sample(lambda tensor: tensor.to(self.device), batches)
        self.loading = loading
        parameters = [*model.parameters(), *criterion.parameters()]
        self._optimizer = torch.optim.AdamW(parameters, lr=1e-5, fused=True)

    def step(self, sample):
        cpu.enabled = self._own_kernels
        loss, sample_size, _ = self.criterion(self.model, sample)
        (loss / sample_size).backward()
        cpu.enabled = True
        self._optimizer.step()
        self._optimizer.zero_grad()

    def seconds(self, sample) -> float:
        """The time that a step takes."""
        self._wait()
        return seconds(lambda: (self.step(sample), self._wait()))

    def _wait(self):
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def padding(self) -> float:
        """Share of the batches that is padding."""
        size = sum(sample["net_input"]["src_tokens"].numel() for sample in self.batches)
        return 1 - sum(map(num_tokens, self.batches)) / size

    def memory(self) -> float:
        """MB of all tensors that a step makes, at its peak."""
        self.step(self.batches[0])  # makes the state of the optimizer
        if self.device.type == "cuda":
            torch.cuda.reset_peak_memory_stats(self.device)
            before = torch.cuda.memory_allocated(self.device)
            self.step(self.batches[0])
            return (torch.cuda.max_memory_allocated(self.device) - before) / 1e6
        with torch.profiler.profile(profile_memory=True) as profile:
            self.step(self.batches[0])
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "trace.json")
            profile.export_chrome_trace(str(path))
            events = json.loads(path.read_text())["traceEvents"]
        totals = [e["args"]["Total Allocated"] for e in events if e.get("name") == "[memory]"]
        return max(totals) / 1e6


class AllTokens(nn.Module):
    """A model whose heads alone know which tokens are masked."""

    def __init__(self, model):
        super().__init__()
        self.model, self.get_targets = model, model.get_targets

    def forward(self, src_tokens, masked_tokens, **kwargs):
        features, extra = self.model(src_tokens, features_only=True, **kwargs)
        return self.model.encoder.output_layer(features, masked_tokens), extra


def num_tokens(sample) -> int:
    """How many real tokens an encoder reads."""
    return int(sample["net_input"]["src_lengths"].sum())


def _measure(contenders, args):
    times: dict[str, list[float]] = {kind: [] for kind in contenders}
    peaks: dict[str, list[float]] = {precision: [] for precision in args.precision}
    for contender in contenders.values():
        contender.step(contender.batches[0])
    for i in range(args.steps):
        for precision, values in peaks.items():
            values.append(1e12 * args.peak_tflops if args.peak_tflops else _peak(args, precision))
        for kind, contender in contenders.items():
            sample = contender.batches[i]
            times[kind].append(contender.seconds(sample) / num_tokens(sample))
    times, figures = {kind: np.array(values) for kind, values in times.items()}, {}
    for kind, values in times.items():
        figures[f"{kind}, tokens/s"] = 1 / float(np.median(values))
    for kind in list(contenders)[1:]:
        figures[f"{kind} / stock"] = float(np.median(times["stock"] / times[kind]))
    for kind in contenders:
        if kind.startswith("cline, "):
            figures[f"{kind} / cline"] = float(np.median(times["cline"] / times[kind]))
    for kind, contender in contenders.items():
        if kind != "encoder":  # which leaves out some of the operations
            operations = [
                _operations(contender.model, s) / num_tokens(s) for s in contender.batches
            ]
            shares = np.array(operations) / times[kind] / peaks[contender.precision]
            figures[f"{kind}, share of the peak"] = float(np.median(shares))
    cline = contenders["cline"]
    steps = times["cline"] * [num_tokens(sample) for sample in cline.batches]
    figures["cline, loader / step"] = float(np.median(cline.loading / steps))
    return figures


def _contenders(args, subwords, size, block, mode, dropout):
    layers, dim = map(int, size.split("x"))
    options = {
        "encoder_layers": layers,
        "encoder_embed_dim": dim,
        "encoder_ffn_embed_dim": 4 * dim,
        "encoder_attention_heads": max(dim // HEAD, 1),
        "attention_dropout": dropout,
        "max_positions": block + 1,  # masked_lm cuts lines before it puts <s> in front of them
    }
    stock_options, our_options = argparse.Namespace(**options), argparse.Namespace(**options)
    roberta_architecture(stock_options)
    base_architecture(our_options)
    corpus = {"data": args.data, "sample_break_mode": mode, "tokens_per_sample": block, "seed": 1}
    stock_task = MaskedLMTask.setup_task(MaskedLMConfig(**corpus, shorten_method="truncate"))
    task = ClineTask.setup_task(ClineConfig(**corpus, subwords=subwords))
    stock_data, our_data = (_batches(t, args) for t in (stock_task, task))
    masked_lm = MaskedLmLoss(MaskedLmConfig(tpu=False), stock_task)

    def stock(precision):
        model = RobertaModel.build_model(stock_options, stock_task)
        return Contender(args, precision, model, masked_lm, *stock_data)

    def encoder(precision, wrap=lambda model: model):
        model = wrap(ClineModel.build_model(our_options, task))
        return Contender(args, precision, model, masked_lm, *stock_data)

    def cline(precision, own_kernels=True):
        model = ClineModel.build_model(our_options, task)
        criterion = ClineCriterion(ClineCriterionConfig(), task)
        return Contender(args, precision, model, criterion, *our_data, own_kernels)

    first, *others = args.precision
    contenders = {
        "stock": stock(first),
        "encoder": encoder(first),
        "encoder, all tokens": encoder(first, AllTokens),
        "cline": cline(first),
    }
    for precision in others:
        contenders |= {
            f"stock, {precision}": stock(precision),
            f"cline, {precision}": cline(precision),
        }
        if args.device == "cpu":
            name = f"cline, {precision}, torch's kernels"
            contenders[name] = cline(precision, own_kernels=False)
    return contenders


def _batches(task, args):
    """Some batches as fairseq makes them, and the seconds that each takes to load."""
    task.load_dataset(args.split)
    dataset = task.dataset(args.split)
    iterator = task.get_batch_iterator(dataset, args.max_tokens, ignore_invalid_inputs=True)
    all_batches = iterator.frozen_batches
    chosen = np.random.default_rng(1).choice(len(all_batches), args.steps)

    def load(i):
        return dataset.collater([dataset[j] for j in all_batches[i]])

    batches = [load(i) for i in chosen]  # words are known from here on
    return batches, [seconds(lambda i=i: load(i)) for i in chosen]


def _operations(model, sample):
    """Operations in the products of matrices of a step, with all tokens in the last layer."""
    model = model.model if isinstance(model, AllTokens) else model
    args, lengths = model.args, sample["net_input"]["src_lengths"].double()
    dim, vocabulary = args.encoder_embed_dim, len(model.encoder.dictionary)
    layer = 4 * dim**2 + 2 * dim * args.encoder_ffn_embed_dim
    attention = 2 * dim * (lengths**2).sum().item()
    target = sample["mlm_target"] if "mlm_target" in sample else sample["target"]
    masked = target.ne(model.encoder.dictionary.pad()).sum().item()
    body = args.encoder_layers * (layer * num_tokens(sample) + attention)
    head = masked * dim * (dim + vocabulary)
    if "rtd_target" in sample:
        head += sample["rtd_target"].ge(0).sum().item() * dim**2
    return 6 * (body + head)  # a product is an addition and a multiplication, and made three times


def _peak(args, precision):
    """Operations a second in a large product of matrices, by the faster of torch's libraries."""
    device, dtype = torch.device(args.device), dtype_of(precision)
    size = 1024 if device.type == "cpu" else 8192
    a, b = (torch.randn(size, size, device=device, dtype=dtype) for _ in range(2))
    bias = torch.zeros(size, device=device, dtype=dtype)

    def wait():
        if device.type == "cuda":
            torch.cuda.synchronize(device)

    libraries = (lambda: (F.linear(a, b, bias), wait()), lambda: (linear(a, [b], [bias]), wait()))
    wait()
    times = [seconds(product_of_both) for product_of_both in libraries * 2]
    return 2 * size**3 / min(times)


@contextmanager
def _num_threads(threads):
    before = torch.get_num_threads()
    torch.set_num_threads(threads)
    try:
        yield
    finally:
        torch.set_num_threads(before)
