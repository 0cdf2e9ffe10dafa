"""What ``--precision auto`` means on this machine."""

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING

from ..errors import InputError

if TYPE_CHECKING:
    import torch

logger = logging.getLogger(__name__)

AUTO = "auto"


def choose_precision(
    precision: str, device: str | None = None, say: Callable[[str], object] = logger.info
) -> str:
    """Return the floating-point format to compute in; if the choice is ours, say so.

    Args:
        precision: the name of a format, such as ``"fp32"``; or ``"auto"``, for bf16 where the
            device multiplies it natively, and fp32 elsewhere.
        device: a torch device, such as ``"cpu"`` or ``"cuda:1"`` (default: a GPU if available,
            otherwise the CPU).
        say: called with a line that names the choice.

    Returns:
        the name of a format, never ``"auto"``.
    """
    if precision != AUTO:
        return precision
    import torch  # takes seconds, and --help does without

    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    kind = torch.device(device).type
    chosen, reason = "fp32", "is not known to multiply bf16 natively"
    if _multiplies_bf16(kind):
        chosen, reason = "bf16", "multiplies bf16 natively"
    name = {"cpu": "CPU", "cuda": "GPU"}.get(kind, kind)
    say(f"precision: {chosen}, because this {name} {reason}")
    return chosen


def dtype_of(precision: str) -> "torch.dtype":
    """Return torch's dtype for ``"fp32"``, ``"bf16"`` or ``"fp16"``.

    Raises:
        InputError: for another name.
    """
    import torch

    dtypes = {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}
    if precision not in dtypes:
        raise InputError(f"the precision must be one of {', '.join(dtypes)}, not {precision!r}")
    return dtypes[precision]


def _multiplies_bf16(kind):
    import torch

    if kind == "cuda":
        # Without emulation: before Ampere, torch converts to fp32 and back.
        return torch.cuda.is_bf16_supported(including_emulation=False)
    if kind == "cpu":
        return torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return False
