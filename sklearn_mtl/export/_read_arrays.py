"""Readers of arrays: images, videos, and rows for a module of the user's own."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor

from ..trunks import ConvNet, ModuleTrunk, VideoEncoder
from ._reader import Reader


class ImageReader(Reader):
    """Brings images or videos of a fixed range and dtype to the shape (B, ..., H, W, C).

    Parameters
    ----------
    trunk : ConvNet or VideoEncoder
        Fitted.
    """

    def __init__(self, trunk: ConvNet | VideoEncoder) -> None:
        super().__init__()
        images = trunk.images_ if isinstance(trunk, ConvNet) else trunk.videos_
        self.kind = images.kind
        self.shape, self.channels_first = images.shape_, images.channels_first
        of_numbers = torch.float64 if images.dtype == np.float64 else torch.float32
        self.are_bytes = images.range_ is not None and images.range_.kind == "bytes"
        self.dtype = torch.uint8 if self.are_bytes else of_numbers
        self.schema = (images.kind, images.shape_, images.channels_first, images.dtype, images.range_)

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        images = given[self.kind]
        if self.shape[-1] == 1:
            images = images.unsqueeze(-1)
        elif self.channels_first:
            images = images.movedim(-3, -1)
        return {self.kind: images}

    def examples(self) -> dict[str, Tensor]:
        *frames, height, width, channels = self.shape
        colours = (channels, height, width) if self.channels_first else (height, width, channels)
        pixels = (height, width) if channels == 1 else colours
        return {self.kind: torch.zeros(3, *frames, *pixels, dtype=self.dtype)}


class RowsReader(Reader):
    """Converts an array of numbers to the dtype of the network.

    Parameters
    ----------
    trunk : ModuleTrunk
        Fitted.
    """

    def __init__(self, trunk: ModuleTrunk) -> None:
        super().__init__()
        if trunk.draws_in_prediction_:
            raise TypeError(
                f"the module {trunk._name} of ModuleTrunk cannot be exported, because it draws random numbers in "
                "prediction; for Python, save the model by save_model."
            )
        self.shape = tuple(trunk.input_shape_)
        self.dtype = torch.float64 if trunk.dtype_ == "float64" else torch.float32
        self.schema = (self.shape, self.dtype)

    def forward(self, given: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {"rows": given["rows"].to(self.dtype)}

    def examples(self) -> dict[str, Tensor]:
        return {"rows": torch.zeros(3, *self.shape, dtype=torch.float64)}
