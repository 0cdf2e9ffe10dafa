"""A checkpoint that is exported to plain RoBERTa, in fairseq without our package."""

import json

import numpy as np
import pytest
import torch

from cline_fairseq.convert.roberta import export_roberta
from cline_fairseq.errors import InputError
from programs import run

TEXT = "The mice ran quickly over the better fences, and nobody was happy in Paris."
STOCK = """
import json, sys
from fairseq.models.roberta import RobertaModel

folder, head = sys.argv[1:]
roberta = RobertaModel.from_pretrained(folder, bpe="sentencepiece").eval()
assert type(roberta.model) is RobertaModel
tokens = roberta.encode({text!r})
found = roberta.predict(head, tokens) if head else roberta.model(tokens[None])[0]
print("RESULT" + json.dumps([tokens.tolist(), found.tolist(), "cline_fairseq" in sys.modules]))
"""


@pytest.mark.slow
@pytest.mark.parametrize(("name", "head"), [("sentencepiece", ""), ("MNLI", "glue_task")])
def test_fairseq_loads_it_without_our_package(sources, tmp_path, name, head):
    loaded = sources[name].load()
    export_roberta(loaded, tmp_path / "out")
    script = tmp_path / "stock.py"
    script.write_text(STOCK.format(text=TEXT), encoding="utf-8")
    output = run(script, tmp_path / "out", head).stdout
    tokens, found, ours_is_there = json.loads(output.partition("RESULT")[2])
    assert not ours_is_there
    with torch.no_grad():
        options = {"classification_head_name": head} if head else {}
        expected, _ = loaded.model(torch.tensor([tokens]), **options)
    if head:
        expected = expected.log_softmax(1)
    np.testing.assert_allclose(found, expected, atol=1e-5, rtol=1e-5)


def test_it_holds_plain_data(sources, tmp_path):
    """So that torch loads it without being told of any class."""
    for name in ("gpt2", "MNLI"):
        loaded = sources[name].load()
        export_roberta(loaded, tmp_path / name)
        path = tmp_path / name / "model.pt"
        assert torch.serialization.get_unsafe_globals_in_checkpoint(path) == []
        state = torch.load(path, weights_only=True)
        original = torch.load(sources[name].path)["model"]
        assert state["model"].keys() == {key for key in original if "rtd_head" not in key}
        assert all(torch.equal(state["model"][key], original[key]) for key in state["model"])


@pytest.mark.parametrize("name", ["sentencepiece", "filled dictionary"])
def test_what_was_imported_goes_out_again(imported, tmp_path, name):
    """Its options are a configuration, as those of fairseq-hydra-train are."""
    from cline_fairseq.checkpoint import load_model
    from cline_fairseq.checkpoint_files import tokenizer_in
    from cline_fairseq.convert.export_hf import export_hf

    folder = imported / name
    loaded = load_model(folder / "model.pt", folder, tokenizer_in([folder]))
    export_roberta(loaded, tmp_path / "roberta")
    export_hf(loaded, tmp_path / "hf", rtd_head=True)
    found = torch.load(tmp_path / "roberta" / "model.pt")
    original = torch.load(folder / "model.pt")
    assert found["cfg"]["model"].items() >= {"encoder_layers": 2, "max_positions": 512}.items()
    assert all(torch.equal(found["model"][key], original["model"][key]) for key in found["model"])
    again = load_model(
        tmp_path / "roberta" / "model.pt", tmp_path / "roberta", tokenizer_in([folder])
    )
    tokens = torch.tensor([[0, 20, 30, 40, 2]])
    with torch.no_grad():
        torch.testing.assert_close(again.model(tokens)[0], loaded.model(tokens)[0])


def test_what_is_no_roberta(sources, tmp_path):
    loaded = sources["gpt2"].load()
    loaded.model.adapter = torch.nn.Linear(1, 1)
    with pytest.raises(InputError, match=r"not a plain RoBERTa.*adapter"):
        export_roberta(loaded, tmp_path / "out")
    assert not any(tmp_path.iterdir())
