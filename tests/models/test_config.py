"""The options of the model, on the command line and under hydra."""

from argparse import ArgumentParser, Namespace
from dataclasses import fields

import pytest
from fairseq.models import ARCH_CONFIG_REGISTRY, build_model
from fairseq.models.roberta import RobertaModel
from fairseq.models.roberta.model import base_architecture as roberta_architecture
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from cline_fairseq.models.cline import ClineModel, base_architecture
from cline_fairseq.models.config import (
    DEFAULTS,
    OPTIONS_OF_CLINE,
    ClineModelConfig,
    fill_in,
    is_filled_in,
)
from helpers import make_task

OURS = {*OPTIONS_OF_CLINE, "compile", "checkpoint_activations"}


def options_of(model):
    parser = ArgumentParser()
    group = parser.add_argument_group(argument_default="==SUPPRESS==")  # as fairseq does
    model.add_args(group)
    return {action.dest: action for action in group._group_actions}


def test_has_all_options_of_roberta():
    """With the same types and choices."""
    ours, roberta = options_of(ClineModel), options_of(RobertaModel)
    assert ours.keys() == roberta.keys() | OURS
    for name, option in roberta.items():
        assert ours[name].option_strings == option.option_strings
        assert (ours[name].type or str) == (option.type or str)
        assert ours[name].nargs == option.nargs
        assert list(ours[name].choices or []) == list(option.choices or [])


def test_defaults_are_those_of_roberta():
    parser, args = ArgumentParser(), Namespace()
    RobertaModel.add_args(parser)
    roberta_architecture(args)
    expected = {**vars(parser.parse_args([])), **vars(args)}
    expected["max_positions"] = args.max_source_positions
    for name, value in DEFAULTS.items():
        assert name in OURS or value == expected[name], name
    assert DEFAULTS.keys() - OURS <= expected.keys()


def test_an_option_that_nobody_sets_is_none():
    config = ClineModelConfig()
    assert {getattr(config, field.name) for field in fields(config)} == {None}


def test_what_is_set_stays():
    args = Namespace(dropout=0.0, max_positions=None, encoder_layers=3)
    assert not is_filled_in(args)
    fill_in(args, encoder_layers=12, encoder_embed_dim=768)
    assert is_filled_in(args)
    assert (args.dropout, args.max_positions) == (0.0, 512)
    assert (args.encoder_layers, args.encoder_embed_dim) == (3, 768)


def under_hydra(**options):
    return OmegaConf.merge(ClineModelConfig(), {"encoder_embed_dim": 24, **options})


@pytest.mark.parametrize(("name", "layers"), [("cline", 12), ("cline_base", 12), ("cline_tiny", 2)])
def test_architectures_under_hydra(corpus, name, layers):
    """What they fill in is recorded in the options of the run, whose keys stay as they are."""
    cfg = under_hydra(_name=name, max_positions=64)
    model = build_model(cfg, make_task(corpus))
    assert len(model.encoder.sentence_encoder.layers) == cfg.encoder_layers == layers
    assert model.args.dropout == cfg.dropout == 0.1
    assert set(cfg) == {field.name for field in fields(ClineModelConfig)}
    assert is_filled_in(cfg)


@pytest.mark.parametrize("option", [{"drop": 0.1}, {"sentence_vector": "last"}])
def test_what_is_no_option_is_refused_under_hydra(option):
    with pytest.raises(OmegaConfBaseException, match=next(iter(option))):
        under_hydra(**option)


def test_architecture_with_the_name_of_the_model():
    """fairseq registers one that does nothing."""
    assert ARCH_CONFIG_REGISTRY["cline"] is base_architecture
