"""What was typed comes first, then the checkpoint that a run starts from, then the architecture."""

import logging
import os
import sys
import warnings
from unittest import mock

import pytest
import torch
from fairseq import checkpoint_utils, options, tasks
from fairseq.dataclass.initialize import add_defaults
from fairseq.dataclass.utils import convert_namespace_to_omegaconf
from omegaconf import OmegaConf

from cline_fairseq.errors import InputError, MissingFileError
from cline_fairseq.models.from_checkpoint import read_saved_model
from tiny_models import as_published, save_encoder

TASKS = {
    "cline": ("--tokens-per-sample", 32),
    "masked_lm": ("--tokens-per-sample", 32),
    "sentence_prediction": ("--num-classes", 2),
}
# What tiny_models.py saves.
SIZES = {
    "encoder_layers": 2,
    "encoder_embed_dim": 32,
    "encoder_ffn_embed_dim": 64,
    "encoder_attention_heads": 2,
    "max_positions": 100,
}


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Dictionaries, as the tasks look for them."""
    folder = tmp_path_factory.mktemp("data")
    write_dictionaries(folder, 30)
    return folder


def write_dictionaries(folder, size):
    for name in (".", "input0", "label"):
        (folder / name).mkdir(exist_ok=True)
        lines = "".join(f"word{i} 1\n" for i in range(2 if name == "label" else size))
        (folder / name / "dict.txt").write_text(lines)


@pytest.fixture(scope="module")
def checkpoint(data):
    """Of cline_base, so named; with other choices than the defaults, and an LM head of its own."""
    extra = ("--untie-weights-roberta", "--activation-fn", "relu", "--sentence-vector", "mean")
    return save_encoder(data / "untied.pt", data, "cline", "cline_base", *extra)


@pytest.fixture(scope="module")
def tied(data):
    return save_encoder(data / "tied.pt", data)


@pytest.fixture(autouse=True)
def _elsewhere(tmp_path, monkeypatch):
    """fairseq looks for a run to resume in a folder of the current one."""
    monkeypatch.chdir(tmp_path)


def parse(data, *arguments, arch="cline_large", task="cline"):
    """The options of fairseq-train."""
    arguments = (
        data,
        "--arch",
        arch,
        "--task",
        task,
        "--criterion",
        task,
        *TASKS[task],
        *arguments,
    )
    with mock.patch.object(sys, "argv", ["train"]):
        parser = options.get_training_parser()
    return options.parse_args_and_arch(parser, [str(part) for part in arguments])


def build(args):
    """The model as fairseq-train builds it, and its configuration."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of hydra
        cfg = convert_namespace_to_omegaconf(args)
    return tasks.setup_task(cfg.task).build_model(cfg.model), cfg


def build_under_hydra(data, path, task="cline", task_options=None, arch="cline_large", **model):
    """The same as fairseq-hydra-train does it."""
    cfg = OmegaConf.create(
        {
            "common": {"seed": 1},
            "bpe": None,
            "checkpoint": {
                "finetune_from_model": path and str(path),
                "restore_file": "checkpoint_last.pt",
                "save_dir": "checkpoints",
            },
            "task": {"_name": task, "data": str(data), **(task_options or {})},
            "criterion": {"_name": task},
            "model": {"_name": arch, **model},
        }
    )
    add_defaults(cfg)
    task = tasks.setup_task(cfg.task)
    return task.build_model(cfg.model), task, cfg


def require_loaded(model, path):
    """Load a checkpoint, and make sure that nothing is lost."""
    weights = torch.load(path)["model"]
    model.load_state_dict(dict(weights), strict=True)
    found = model.state_dict()
    for name, weight in weights.items():
        name = name.replace("decoder.", "encoder.", 1)
        torch.testing.assert_close(found[name], weight[: len(found[name])], rtol=0, atol=0)


@pytest.mark.parametrize("task", TASKS)
def test_architecture_gives_way(data, checkpoint, task, caplog):
    with caplog.at_level(logging.INFO):
        args = parse(data, "--finetune-from-model", checkpoint, task=task)
    (line,) = [line for line in caplog.messages if line.startswith("sizes from")]
    assert line.startswith(f"sizes from {checkpoint}: encoder_layers 2, encoder_embed_dim 32,")
    expected = {**SIZES, "untie_weights_roberta": True, "activation_fn": "relu"}
    expected |= {"sentence_vector": "mean", "encoder_normalize_before": False}
    for name, value in expected.items():
        assert f"{name} {value}" in line
        assert getattr(args, name) == value
    model, cfg = build(args)
    require_loaded(model, checkpoint)
    if task == "sentence_prediction":
        assert cfg.task.max_positions == 100  # texts are cut there


@pytest.mark.parametrize("task", TASKS)
def test_under_hydra(data, checkpoint, task):
    options = {"num_classes": 2} if task == "sentence_prediction" else {"tokens_per_sample": 32}
    model, built_task, cfg = build_under_hydra(data, checkpoint, task, options)
    assert {name: cfg.model[name] for name in SIZES} == SIZES
    assert cfg.model.untie_weights_roberta
    require_loaded(model, checkpoint)
    if task == "sentence_prediction":
        assert built_task.max_positions() == cfg.task.max_positions == 100


def test_typed_under_hydra(data, checkpoint, tied):
    options = {"num_classes": 2, "max_positions": 50}
    model, task, cfg = build_under_hydra(data, checkpoint, "sentence_prediction", options)
    assert task.max_positions() == cfg.model.max_positions == model.max_positions() == 50
    require_loaded(model, checkpoint)
    options["max_positions"] = 200
    with pytest.raises(InputError, match=r"^task.max_positions is 200, but .* has 100: leave"):
        build_under_hydra(data, checkpoint, "sentence_prediction", options)
    blocks = {"tokens_per_sample": 32}
    for name, value in {"encoder_attention_heads": 4, "untie_weights_roberta": False}.items():
        with pytest.raises(InputError, match=f"^model.{name} is {value}, but the checkpoint"):
            build_under_hydra(data, checkpoint, "cline", blocks, **{name: value})
    # Not given is what a configuration leaves open.
    _, _, cfg = build_under_hydra(data, tied, "cline", blocks, max_positions=None)
    assert cfg.model.max_positions == 100
    _, _, cfg = build_under_hydra(data, None, "cline", blocks, "cline_tiny", max_positions=None)
    assert cfg.model.max_positions == 512


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (("--encoder-layers", 3), "--encoder-layers is 3, but the checkpoint .* has 2: leave"),
        (("--encoder-embed-dim", 64), "--encoder-embed-dim is 64, but .* has 32: leave"),
        (("--encoder-ffn-embed-dim", 32), "--encoder-ffn-embed-dim is 32, but .* has 64: leave"),
        (("--encoder-attention-heads", 4), "--encoder-attention-heads is 4, but .* has 2: leave"),
        (("--max-positions", 101), "--max-positions is 101, .* has 100: .* or pass a smaller"),
        (("--encoder-normalize-before",), "--encoder-normalize-before is True, but .* has False"),
    ],
)
@pytest.mark.parametrize("start", ["--finetune-from-model", "--restore-file"])
def test_typed_options_that_do_not_fit(data, checkpoint, typed, message, start):
    with pytest.raises(InputError, match=f"^{message}"):
        parse(data, start, checkpoint, *typed)


def test_typed_options_that_fit(data, tied):
    """Fewer positions, an LM head of its own, and what does not change the parameters."""
    args = parse(
        data,
        *("--restore-file", tied, "--max-positions", 50, "--untie-weights-roberta"),
        *("--activation-fn", "relu", "--sentence-vector", "mean", "--encoder-attention-heads", 2),
    )
    assert (args.max_positions, args.activation_fn, args.sentence_vector) == (50, "relu", "mean")
    model, _ = build(args)
    require_loaded(model, tied)
    encoder = model.encoder
    assert encoder.lm_head.weight is not encoder.sentence_encoder.embed_tokens.weight
    assert len(encoder.sentence_encoder.embed_positions.weight) == 52


def test_layer_norms_elsewhere(data, tmp_path):
    """roberta_prenorm normalizes before each block, and has no layer norm of the embeddings."""
    path = save_encoder(tmp_path / "prenorm.pt", data, "masked_lm", "roberta_prenorm")
    args = parse(data, "--finetune-from-model", path)
    assert (args.encoder_normalize_before, args.layernorm_embedding) == (True, False)
    require_loaded(build(args)[0], path)
    with pytest.raises(InputError, match=r"^--layernorm-embedding is True, but .* has False"):
        parse(data, "--finetune-from-model", path, "--layernorm-embedding")


def test_first_format_of_roberta(data, checkpoint, tmp_path):
    """Options in a namespace, parameters of a decoder, and not a zip file."""
    path = as_published(tmp_path / "model.pt", checkpoint)
    torch.save(torch.load(path), path, _use_new_zipfile_serialization=False)
    args = parse(data, "--finetune-from-model", path)
    assert {name: getattr(args, name) for name in SIZES} == SIZES
    require_loaded(build(args)[0], path)


def test_unequal_matrices_are_untied(data, tied, tmp_path):
    """Also where the options do not say so."""
    state = torch.load(tied)
    state["model"]["encoder.lm_head.weight"] = state["model"]["encoder.lm_head.weight"] + 1
    torch.save(state, tmp_path / "model.pt")
    assert parse(data, "--finetune-from-model", tmp_path / "model.pt").untie_weights_roberta
    assert not parse(data, "--finetune-from-model", tied).untie_weights_roberta


def test_resuming_needs_the_last_checkpoint_only(data, checkpoint, tmp_path):
    (tmp_path / "checkpoints").mkdir()
    last = tmp_path / "checkpoints" / "checkpoint_last.pt"
    last.write_bytes(checkpoint.read_bytes())
    gone = ("--finetune-from-model", tmp_path / "gone.pt")
    args = parse(data, *gone)
    assert {name: getattr(args, name) for name in SIZES} == SIZES
    require_loaded(build(args)[0], last)
    with pytest.raises(InputError, match=r"^--encoder-layers is 3, but .*checkpoint_last.pt has 2"):
        parse(data, *gone, "--encoder-layers", 3)
    # The run without the option, which the folder cannot miss, if the architecture is its own.
    assert parse(data, arch="cline_base").encoder_layers == 2
    message = "^encoder_layers is 6 with the architecture cline_small, but 2 in checkpoints/"
    with pytest.raises(InputError, match=message):
        build(parse(data, arch="cline_small"))
    with pytest.raises(InputError, match=message):
        build_under_hydra(data, None, "cline", {"tokens_per_sample": 32}, "cline_small")


def test_dictionary_of_another_size(checkpoint, tmp_path):
    write_dictionaries(tmp_path, 31)
    message = (
        f"^the dictionary of {tmp_path} has 36 symbols with <mask>, but the checkpoint "
        f"{checkpoint} was trained with 35: binarize the data with"
    )
    args = parse(tmp_path, "--finetune-from-model", checkpoint)
    with pytest.raises(InputError, match=message):
        build(args)
    with pytest.raises(InputError, match=message):
        build_under_hydra(tmp_path, checkpoint, "cline", {"tokens_per_sample": 32})


def test_what_was_started_loads_by_itself(data, checkpoint, tmp_path):
    """Without the checkpoint that it started from, on the command line and under hydra."""
    start = tmp_path / "start.pt"
    start.write_bytes(checkpoint.read_bytes())
    model, cfg = build(parse(data, "--finetune-from-model", start))
    classifier, _, classifier_cfg = build_under_hydra(
        data, start, "sentence_prediction", {"num_classes": 2}
    )
    os.remove(start)
    for built, config in ((model, cfg), (classifier, classifier_cfg)):
        state = torch.load(checkpoint)
        state["cfg"] = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
        state["model"] = built.state_dict()
        torch.save(state, tmp_path / "saved.pt")
        path = str(tmp_path / "saved.pt")
        (loaded,), _, _ = checkpoint_utils.load_model_ensemble_and_task([path])
        require_loaded(loaded, path)
        sizes = {name: getattr(loaded.args, name) for name in SIZES}
        assert sizes == SIZES
        assert read_saved_model(path).sizes["untie_weights_roberta"]


def test_what_is_no_checkpoint(data, tied, tmp_path):
    with pytest.raises(MissingFileError, match=r"^no checkpoint /.*gone.pt: specify the .pt file"):
        parse(data, "--finetune-from-model", "gone.pt")
    (tmp_path / "text.pt").write_text("no checkpoint")
    with pytest.raises(InputError, match=r"^text.pt is not a checkpoint"):
        parse(data, "--finetune-from-model", "text.pt")
    state = torch.load(tied)
    torch.save({"model": state["model"]}, "bare.pt")
    with pytest.raises(InputError, match=r"^bare.pt does not record the options of its model"):
        parse(data, "--finetune-from-model", "bare.pt")
    del state["model"]["encoder.sentence_encoder.embed_tokens.weight"]
    torch.save(state, "other.pt")
    with pytest.raises(
        InputError, match=r"^other.pt has no .*embed_tokens.weight, so it is not a CL"
    ):
        parse(data, "--restore-file", "other.pt")
