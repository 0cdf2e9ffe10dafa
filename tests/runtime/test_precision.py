"""Which floating-point format --precision auto chooses, and that it says so."""

import pytest
import torch

from cline_fairseq.errors import InputError
from cline_fairseq.runtime.precision import choose_precision, dtype_of


@pytest.mark.parametrize(
    ("avx512", "amx", "chosen"),
    [(True, False, "bf16"), (False, True, "bf16"), (False, False, "fp32")],
)
def test_the_processor_decides(monkeypatch, avx512, amx, chosen):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: avx512)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    said = []
    assert choose_precision("auto", "cpu", said.append) == chosen
    (line,) = said
    assert line.startswith(f"precision: {chosen}, because this CPU ")


@pytest.mark.parametrize("native", [True, False])
def test_emulation_on_a_gpu_does_not_count(monkeypatch, native):
    def is_bf16_supported(including_emulation=True):
        return native or including_emulation

    monkeypatch.setattr(torch.cuda, "is_bf16_supported", is_bf16_supported)
    assert choose_precision("auto", "cuda:1") == ("bf16" if native else "fp32")


def test_the_default_is_where_fairseq_trains(monkeypatch):
    """On a GPU if there is one, whatever the CPU can do."""
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_bf16_supported", lambda including_emulation=True: False)
    said = []
    assert choose_precision("auto", say=said.append) == "fp32"
    assert said == ["precision: fp32, because this GPU is not known to multiply bf16 natively"]


def test_other_devices_are_not_taken_for_a_cpu(monkeypatch):
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: True)
    said = []
    assert choose_precision("auto", "mps", said.append) == "fp32"
    assert said == ["precision: fp32, because this mps is not known to multiply bf16 natively"]


def test_a_named_format_is_taken_as_it_is():
    said = []
    assert choose_precision("fp16", "cpu", said.append) == "fp16"
    assert not said


def test_unknown_formats():
    assert dtype_of("bf16") == torch.bfloat16
    with pytest.raises(InputError, match="one of fp32, bf16, fp16, not 'int8'"):
        dtype_of("int8")
