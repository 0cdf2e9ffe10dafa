"""Padding dropped and restored."""

import torch

from cline_fairseq.models.unpadding import Unpadding

PAD = 1


def batch(lengths):
    tokens = torch.arange(len(lengths) * max(lengths)).view(len(lengths), -1) + 4
    tokens[torch.arange(max(lengths)) >= torch.tensor(lengths)[:, None]] = PAD
    return tokens


def test_fields():
    unpadding = Unpadding.of(batch([3, 1, 4]), PAD)
    assert (unpadding.batch_size, unpadding.max_seqlen, unpadding.total) == (3, 4, 8)
    assert unpadding.cu_seqlens.tolist() == [0, 3, 4, 8]
    assert unpadding.cu_seqlens.dtype == torch.int32
    assert unpadding.indices.tolist() == [0, 1, 2, 4, 8, 9, 10, 11]
    assert unpadding.mask.sum(1).tolist() == [3, 1, 4]
    assert unpadding.starts().tolist() == [0, 3, 4]
    assert [unpadding.bounds(0, 1), unpadding.bounds(1, 3)] == [(0, 3), (3, 8)]


def test_batch_without_padding_is_only_flattened():
    tokens = batch([4, 4])
    unpadding = Unpadding.of(tokens, PAD)
    assert unpadding[3:] == (None, None, 0)
    assert unpadding.unpad(tokens).data_ptr() == tokens.data_ptr()
    assert unpadding.pad(tokens.flatten()).equal(tokens)
    assert unpadding.bounds(1, 2) == (4, 8)


def test_real_tokens():
    tokens = batch([3, 1, 4])
    unpadding = Unpadding.of(tokens, PAD)
    flat = unpadding.unpad(tokens)
    assert flat.tolist() == [t for row in tokens.tolist() for t in row if t != PAD]
    assert unpadding.cu_seqlens.tolist() == [0, 3, 4, 8]
    assert unpadding.pad(flat).equal(tokens.masked_fill(tokens.eq(PAD), 0))
    places = torch.tensor([8, 0, 4])
    assert flat[unpadding.locate(places)].equal(tokens.flatten()[places])
    means = [row[row.ne(PAD)].float().mean() for row in tokens]
    torch.testing.assert_close(unpadding.mean(flat.float()[:, None])[:, 0], torch.stack(means))
    assert Unpadding.of(tokens[:, :1], PAD).indices is None


def test_filler():
    """It comes from no token, and goes to none."""
    lengths = [29, 20, 25, 29, 18, 28]
    unpadding = Unpadding.of(batch(lengths), PAD)
    assert (sum(lengths), unpadding.num_filler, unpadding.total) == (149, 3, 152)
    values = torch.randn(len(lengths), max(lengths), 2, requires_grad=True)
    unpadded = unpadding.unpad(values)
    assert unpadded[:149].equal(values[unpadding.mask])
    assert not unpadded[149:].any()
    padded = unpadding.pad(torch.ones(152, 2))
    assert padded.equal(unpadding.mask[..., None].expand(-1, -1, 2).float())
    (grad,) = torch.autograd.grad(unpadding.pad(unpadded * 3).sum(), values)
    assert grad.equal(3 * unpadding.mask[..., None].expand(-1, -1, 2))
