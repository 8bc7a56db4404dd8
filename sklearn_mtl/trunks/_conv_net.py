"""Convolutional network over images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from sklearn.base import BaseEstimator
from torch import Tensor, nn
from torch.nn.functional import layer_norm

from ..nn._conv import Conv2d, GroupNorm, into_channels, out_of_channels
from ..nn._layers import Dropout, Linear
from ..utils._params import Interval, StrOptions
from ..utils._random import Streams
from ..utils._types import ColumnsLike, RowsLike
from ._base import Inputs, Representation, Trunk
from ._images import Images
from ._stem_output import StemOutput

# Group normalisation: maximum number of groups, and minimum number of channels per group. A group of one channel
# would become 0 in a map of one position.
MOST_GROUPS, LEAST_CHANNELS = 8, 4


class ConvNet(Trunk):
    """Convolutional network over images [1]_.

    X is an array (n, H, W, C), or (n, H, W) for grey images, or a list or object array of images. All images have
    the same shape. Each channel is standardised over all pixels of the training images. Bytes (uint8) represent
    numbers from 0 to 1: b is b / 255. They are converted batch by batch, so that they take a quarter of the memory
    of floats.

    Each stage is a convolution that keeps height and width, group normalisation and ReLU; maps are pooled between
    the stages. Groups of channels are normalised within one image [2]_, not over a batch, so an image has no
    effect on another, in training and in prediction.

    The positions of the last map, each mapped by one layer of ``hidden_size`` units, are the tokens of the image,
    in row-major order. The representation of the image is the sum of the mean and the maximum over its positions:
    the mean measures how much of a feature there is, the maximum whether it occurs. A linear map of the mean over
    positions times their coordinates is added for the location of features, which boxes and movements depend on.
    The sum is normalised to mean 0 and standard deviation 1 [3]_; otherwise training with large steps may fail.

    Parameters
    ----------
    channels : sequence of int, default=(32, 64, 128)
        Number of channels of each stage.
    kernel_size : int or (int, int), default=3
        Height and width of the convolutions in pixels, odd.
    pool : int or (int, int), default=2
        Height and width of the max pooling between stages. The last window of a row or column may be smaller, so
        that no pixel is lost and small images work: a map of height h becomes one of height ceil(h / pool). (2, 1)
        keeps the width, for tags from left to right.
    hidden_size : int >= 2, default=128
        Width of the representation of images and of their positions.
    normalization : {"group"} or None, default="group"
        Normalisation of maps, in 8 groups of channels (fewer if a group would have less than 4 channels), and of
        the vectors of images; None normalises only X.
    dropout : float in [0, 1), default=0.0
        Probability of dropping a channel of a map, at all positions, after each stage [4]_.
    channels_first : bool, default=False
        Whether X is (n, C, H, W).

    Attributes
    ----------
    image_shape_ : (int, int, int)
        (H, W, C) of the images.
    grid_ : (int, int)
        Height and width of the last map.

    References
    ----------
    .. [1] LeCun et al., "Gradient-Based Learning Applied to Document Recognition", Proceedings of the IEEE, 1998.
    .. [2] Wu and He, "Group Normalization", ECCV 2018.
    .. [3] Ba, Kiros and Hinton, "Layer Normalization", 2016.
    .. [4] Tompson et al., "Efficient Object Localization Using Convolutional Networks", CVPR 2015.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_mtl import MultiTaskNetClassifier
    >>> from sklearn_mtl.trunks import ConvNet
    >>> digits = load_digits()
    >>> net = MultiTaskNetClassifier(trunk=ConvNet(channels=(8, 16), hidden_size=32), max_epochs=2)
    >>> net.fit(digits.images, digits.target).transform(digits.images).shape
    (1797, 32)
    """

    member_axis = True
    stackable_params = ("dropout",)
    has_tokens = True

    _parameter_constraints: dict = {
        "channels": ["array-like"],
        "kernel_size": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "pool": [Interval(Integral, 1, None, closed="left"), tuple, list],
        "hidden_size": [Interval(Integral, 2, None, closed="left")],
        "normalization": [StrOptions({"group"}), None],
        "dropout": [Interval(Real, 0, 1, closed="left")],
        "channels_first": ["boolean"],
    }

    def __init__(
        self,
        channels: Sequence[int] = (32, 64, 128),
        kernel_size: int | tuple[int, int] = 3,
        pool: int | tuple[int, int] = 2,
        hidden_size: int = 128,
        normalization: str | None = "group",
        dropout: float = 0.0,
        channels_first: bool = False,
    ) -> None:
        self.channels = channels
        self.kernel_size = kernel_size
        self.pool = pool
        self.hidden_size = hidden_size
        self.normalization = normalization
        self.dropout = dropout
        self.channels_first = channels_first

    def fit(
        self,
        X: RowsLike,
        *,
        owner: BaseEstimator,
        dtype: str = "float32",
        categorical_features: ColumnsLike = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> ConvNet:
        self.check_params()
        self.images_ = Images(self.channels_first, np.dtype(dtype)).fit(X, owner, sample_weight)
        return self.fit_to_shape(self.images_.shape_)

    def check_params(self) -> None:
        """Check the parameters."""
        self._validate_params()
        if isinstance(self.channels, str) or not len(self.channels) or not all(map(_is_count, self.channels)):
            raise ValueError(
                f"channels={self.channels!r} of ConvNet should be one or more integers of at least 1."
            )
        for name, value, step in (("kernel_size", self.kernel_size, 2), ("pool", self.pool, 1)):
            sizes = value if isinstance(value, tuple | list) else (value, value)
            if len(sizes) != 2 or not all(_is_count(size) and size % step == 1 % step for size in sizes):
                what = "an odd integer" if step == 2 else "an integer"
                raise ValueError(f"{name}={value!r} of ConvNet should be {what} of at least 1, or a pair of such.")

    def fit_to_shape(self, shape: tuple[int, ...]) -> ConvNet:
        """Set the shape (H, W, C) of images, which the body depends on."""
        self.image_shape_ = (shape[0], shape[1], shape[2])
        self.stem_width_ = shape[2]
        self.width_ = int(self.hidden_size)
        windows = zip(shape[:2], as_pair(self.pool), strict=True)
        height, width = (pooled(size, window, times=len(self.channels) - 1) for size, window in windows)
        self.grid_ = (height, width)
        return self

    def encode(self, X: RowsLike, *, owner: BaseEstimator) -> Inputs:
        return self.images_.encode(X, owner)

    def stem(self, streams: Streams) -> nn.Module:
        return self.images_.stem()

    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        return _Body(self, streams.generator("trunk", name))


def _is_count(value: Any) -> bool:
    return isinstance(value, Integral) and not isinstance(value, bool) and int(value) > 0


def as_pair(size: Any) -> tuple[int, int]:
    """Return a size as a pair of height and width."""
    height, width = size if isinstance(size, tuple | list) else (size, size)
    return int(height), int(width)


def pooled(size: int, window: int, times: int) -> int:
    """Return the height or width of a map after pooling it several times."""
    for _ in range(times):
        size = -(-size // window)
    return size


class _Body(nn.Module):
    """Stages of convolutions with pooling between them, a layer at each position, and pooling over all positions.

    Parameters
    ----------
    trunk : ConvNet
        Fitted to a shape.
    generator : torch.Generator
        Source of the initial weights.
    """

    coordinates: Tensor

    def __init__(self, trunk: ConvNet, generator: torch.Generator) -> None:
        super().__init__()
        channels = [trunk.stem_width_, *(int(count) for count in trunk.channels)]
        self.stages = nn.ModuleList(_Stage(trunk, *pair, generator) for pair in pairwise(channels))
        self.pool = nn.MaxPool2d(as_pair(trunk.pool), ceil_mode=True)
        self.position = Linear(channels[-1], trunk.width_, generator)
        self.normalized = trunk.normalization is not None
        assert trunk.grid_ is not None
        n_positions = math.prod(trunk.grid_)
        # a single position has no coordinates
        self.place = Linear(2 * trunk.width_, trunk.width_, generator) if n_positions > 1 else None
        self.register_buffer("coordinates", coordinates(trunk.grid_) / n_positions, persistent=False)

    def forward(self, given: StemOutput) -> Representation:
        images = given.values
        axes = self.position.bias.shape[:-1]
        # images of one network may have several leading axes too
        rows = (*axes, images.shape[-4]) if axes else images.shape[:-3]
        maps = into_channels(images if axes else images.flatten(0, -4), axes)
        for number, stage in enumerate(self.stages):
            maps = stage(self.pool(maps) if number else maps)
        positions = out_of_channels(maps, axes).flatten(-2).transpose(-1, -2)
        token = torch.relu(self.position(positions.flatten(-3, -2)))
        token = token.view(*rows, positions.shape[-2], token.shape[-1])
        sample = token.mean(dim=-2) + token.amax(dim=-2)
        if self.place is not None:
            moments = (self.coordinates.unsqueeze(-3) @ token).flatten(-2)
            sample = sample + self.place(moments)
        return Representation(layer_norm(sample, sample.shape[-1:]) if self.normalized else sample, token)


def coordinates(grid: tuple[int, int]) -> Tensor:
    """Return the coordinates of positions in row-major order, (2, n_positions), with deviation of about 1."""
    middles = [(2 * torch.arange(size, dtype=torch.float64) + 1) / size - 1 for size in grid]
    scales = [math.sqrt(3) * middle for middle in middles]
    return torch.stack(torch.meshgrid(*scales, indexing="ij")).flatten(1)


class _Stage(nn.Module):
    """Convolution, normalisation, ReLU and channel dropout."""

    def __init__(self, trunk: ConvNet, n_in: int, n_out: int, generator: torch.Generator) -> None:
        super().__init__()
        normalized = trunk.normalization is not None
        # the normalisation has a bias
        self.conv = Conv2d(n_in, n_out, as_pair(trunk.kernel_size), generator, bias=not normalized)
        self.norm = GroupNorm(n_out, n_groups(n_out)) if normalized else None
        self.dropout = Dropout(trunk.dropout) if trunk.dropout else None

    def forward(self, maps: Tensor) -> Tensor:
        maps = self.conv(maps)
        if self.norm is not None:
            maps = self.norm(maps)
        maps = torch.relu_(maps)
        return maps if self.dropout is None else self._drop(maps, self.dropout)

    def _drop(self, maps: Tensor, dropout: Dropout) -> Tensor:
        """Drop channels, with random numbers for each network."""
        axes = self.conv.axes
        factors = dropout(maps.new_ones(*axes, len(maps), maps.shape[1] // math.prod(axes)))
        return maps * factors.movedim(-2, 0).flatten(1)[..., None, None]


def n_groups(n_channels: int) -> int:
    """Return the largest number of equal groups, up to `MOST_GROUPS`, that are not too small."""
    most = max(1, min(MOST_GROUPS, n_channels // LEAST_CHANNELS))
    return next(count for count in range(most, 0, -1) if n_channels % count == 0)
