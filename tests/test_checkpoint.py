"""What scripts/glue_finetune.py tells fairseq-train about a checkpoint."""

import pytest

from cline_fairseq.checkpoint import describe_model
from cline_fairseq.errors import InputError
from tiny_models import save_encoder


def test_options_are_for_the_architectures_of_roberta(tmp_path):
    """Those of CLINE take their sizes from the checkpoint."""
    (tmp_path / "dict.txt").write_text("word 1\n")
    path = save_encoder(tmp_path / "post.pt", tmp_path)
    assert describe_model(path, "cline_large") == ([], 6, 100, 32)
    options, *_ = describe_model(path, "roberta_large")
    assert options == [
        *("--encoder-layers", "2", "--encoder-embed-dim", "32", "--encoder-ffn-embed-dim", "64"),
        *("--layernorm-embedding", "--encoder-attention-heads", "2"),
        *("--activation-fn", "gelu", "--pooler-activation-fn", "tanh"),
    ]
    path = save_encoder(tmp_path / "pre.pt", tmp_path, "masked_lm", "roberta_prenorm")
    assert describe_model(path, "cline_base").options == []
    options, *_ = describe_model(path, "roberta_prenorm")
    assert "--encoder-normalize-before" in options
    assert "--layernorm-embedding" not in options
    with pytest.raises(InputError, match="use --arch roberta_prenorm, or an architecture of CLI"):
        describe_model(path, "roberta_base")
