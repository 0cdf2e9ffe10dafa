"""Checkpoints of tiny models with random weights, as fairseq-train writes them, made in process."""

import argparse
import sys
import warnings
from unittest import mock

import torch
from fairseq import options, tasks
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf

from cline_fairseq.dictionary import PlainDictionary
from cline_fairseq.evaluation.glue.binarizing import GlueJob, binarize
from cline_fairseq.evaluation.glue.tasks import GLUE_TASKS
from cline_fairseq.tokenizer import Tokenizer
from glue_files import write_task
from helpers import sentencepiece_options

SIZE = ("--encoder-layers", 2, "--encoder-embed-dim", 32, "--encoder-ffn-embed-dim", 64)


def binarize_tasks(folder, corpus, names, texts):
    """Tasks of GLUE, as scripts/glue_preprocess.py makes them.

    Returns:
        the folder that holds their folders, and the examples that they have.
    """
    tokenizer = Tokenizer(sentencepiece_options(corpus), PlainDictionary(corpus / "dict.txt"))
    job = GlueJob(folder / "raw", folder / "bin", tokenizer, {})
    written = {}
    for name in names:
        written[name] = write_task(folder / "raw", name, texts, 1)
        binarize(GLUE_TASKS[name], job)
    return folder / "bin", written


def save_encoder(path, data, task="cline", arch="cline_base", *extra):
    """A pre-trained encoder: of ``cline``, or of ``masked_lm``."""
    loss = ("--criterion", task, "--tokens-per-sample", 64)
    return _save(path, data, "--task", task, "--arch", arch, *loss, *extra)


def save_classifier(path, data, classes, arch="cline_base", *extra):
    """A fine-tuned classifier with the options of scripts/glue_finetune.py."""
    task = ("--task", "sentence_prediction", "--criterion", "sentence_prediction")
    head = ("--num-classes", classes, "--classification-head-name", "glue_task")
    symbols = ("--init-token", 0, "--separator-token", 2, "--shorten-method", "truncate")
    return _save(path, data, *task, *head, *symbols, "--arch", arch, *extra)


def as_published(path, checkpoint):
    """An encoder in the format of the first RoBERTa checkpoints."""
    state = torch.load(checkpoint)
    args = state["cfg"]["model"]
    if not isinstance(args, argparse.Namespace):  # of CLINE; RoBERTa's is one
        args = argparse.Namespace(**args)
    names = {name.replace("encoder.", "decoder.", 1): name for name in state["model"]}
    model = {old: state["model"][new] for old, new in names.items()}
    del state["cfg"], state["criterion"], state["task_state"]
    torch.save({**state, "args": args, "model": model}, path)
    return path


def _save(path, data, *arguments):
    arguments = (data, *arguments, *SIZE, "--encoder-attention-heads", 2, "--cpu")
    if "--max-positions" not in arguments:
        arguments += ("--max-positions", 100)
    with mock.patch.object(sys, "argv", ["train"]):
        parser = options.get_training_parser()
    args = options.parse_args_and_arch(parser, [str(part) for part in arguments])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hydra
        cfg = convert_namespace_to_omegaconf(args)
    task = tasks.setup_task(cfg.task)
    torch.manual_seed(cfg.common.seed)
    model = task.build_model(cfg.model)
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() > 1:  # so large that each token changes the whole text's output
                parameter.normal_(std=0.3)
        model.encoder.sentence_encoder.embed_tokens.weight[1] = 0  # padding
    torch.save(
        {
            "args": None,
            "cfg": OmegaConf.to_container(cfg, resolve=True, enum_to_str=True),
            "model": model.state_dict(),
            "criterion": None,
            "optimizer_history": [
                {
                    "criterion_name": "Criterion",
                    "optimizer_name": "Optimizer",
                    "lr_scheduler_state": {},
                    "num_updates": 0,
                }
            ],
            "task_state": {},
            "extra_state": {"epoch": 1},
        },
        path,
    )
    return path
