import pytest
import torch

from cline_fairseq.optim.rounding import round_stochastically

DTYPES = [torch.bfloat16, torch.float16]


def rounded(wide, dtype, seed=0):
    return round_stochastically(wide.clone(), dtype, torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("value", [1.0003, -1.0003, 0.0217, -3e-5, 3.1e-8, 0.49999, 1000.3])
def test_right_on_average(dtype, value):
    """To the neighbour below or above, whose mean is the number; subnormal ones of fp16 too."""
    wide = torch.full((400_000,), value)
    result = rounded(wide, dtype)
    assert result.dtype == dtype
    nearest = wide[:1].to(dtype)
    others = {torch.nextafter(nearest, torch.tensor([end], dtype=dtype)) for end in (-9e4, 9e4)}
    values = set(result.double().tolist())
    assert len(values) == 2
    assert values < {float(each) for each in (nearest, *others)}
    assert min(values) < wide[0] < max(values)
    gap = max(values) - min(values)
    # The standard error of the mean is at most gap / 2 / sqrt(400,000).
    assert abs(result.double().mean() - wide[0].double()) < 4 * gap / 2 / 400_000**0.5


@pytest.mark.parametrize("dtype", DTYPES)
def test_what_fits_stays(dtype):
    wide = torch.randn(10_000, generator=torch.Generator().manual_seed(0)).to(dtype).float()
    wide[:3] = torch.tensor([0.0, 1.0, -(2.0**-14)])
    assert torch.equal(rounded(wide, dtype).float(), wide)


def test_follows_the_generator():
    wide = torch.randn(100, generator=torch.Generator().manual_seed(0))
    assert torch.equal(rounded(wide, torch.bfloat16), rounded(wide, torch.bfloat16))
    assert not torch.equal(rounded(wide, torch.bfloat16), rounded(wide, torch.bfloat16, seed=1))
