"""The half precision that a device computes in, in training and in its looks at the validation part."""

from __future__ import annotations

import torch


def half_precision(device: torch.device) -> torch.dtype:
    """bf16 where the device has it: its range needs no scaling of the loss."""
    if device.type == "cuda" and not torch.cuda.is_bf16_supported(including_emulation=False):
        return torch.float16
    return torch.bfloat16
