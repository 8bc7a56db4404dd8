"""The schema of images and videos: their shape and scale."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from scipy.sparse import issparse
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_array
from torch import Tensor, nn

from ..columns._arrays import as_array, as_tensor, rows_of_series
from ..columns._columns import plain
from ..utils._types import RowsLike
from ..utils._warn import warn
from ._base import Inputs, forget_columns
from ._image_range import ImageRange, is_channels_first
from ._stem_output import StemOutput

# Numbers that are read at once for mean and deviation, to fit into the cache.
CHUNK = 2**20
#: axes before height, width and channels, by the content of X
IMAGES, VIDEOS = ("n",), ("n", "T")


class Images:
    """Learns the shape of images and the scale of their channels in fit, and encodes images of that shape.

    Bytes are converted to floats batch by batch.

    Parameters
    ----------
    channels_first : bool
        Whether X is (n, C, H, W) and not (n, H, W, C).
    dtype : numpy dtype
        Dtype of encoded images that are not bytes.
    axes : tuple of str, default=IMAGES
        Names of the axes before those of an image; `VIDEOS` have T images each.

    Attributes
    ----------
    shape_ : tuple of int
        (H, W, C) of an image, or (T, H, W, C) of a video.
    range_ : ImageRange or None
        Value range of the images; None in models of older versions, in which the dtype decided.
    mean_, scale_ : ndarray of float of shape (C,)
        Mean and standard deviation of each channel over all pixels, of bytes divided by 255. The deviation of a
        constant channel is 1.
    """

    range_: ImageRange | None = None

    def __init__(self, channels_first: bool, dtype: np.dtype, axes: tuple[str, ...] = IMAGES) -> None:
        self.channels_first = channels_first
        self.dtype = dtype
        self.axes = axes
        self.kind = "images" if axes == IMAGES else "videos"

    def fit(self, X: RowsLike, owner: BaseEstimator, sample_weight: np.ndarray | None) -> Images:
        forget_columns(owner)
        self.range_ = None
        images = self._read(X, owner)
        self.range_ = ImageRange.of(images)
        self.shape_ = images.shape[1:]
        self._warn_of_channels()
        images = self._in_range(images)
        self.mean_, self.scale_ = channel_scale(images, sample_weight)
        return self

    def encode(self, X: RowsLike, owner: BaseEstimator) -> Inputs:
        """Check X and return it as one tensor of bytes or floats with channels last."""
        images = self._read(X, owner)
        if images.shape[1:] != self.shape_:
            raise ValueError(
                f"X holds {self.kind} of shape {images.shape[1:]} (channels last), but {type(owner).__name__} was "
                f"fitted to {self.kind} of shape {self.shape_}."
            )
        images = self._in_range(images)
        return {self.kind: as_tensor(images)}

    def stem(self) -> nn.Module:
        """Build the module that standardises a batch of encoded images."""
        return Standardized(self.kind, self.mean_, self.scale_, len(self.axes) + 2)

    def _in_range(self, images: np.ndarray) -> np.ndarray:
        """Return images as bytes or as numbers of the network's dtype, on the scale of fit."""
        if self.range_ is not None:
            images = self.range_.convert(images, self.kind)
        return images if images.dtype == np.uint8 else np.ascontiguousarray(images, self.dtype)

    @property
    def _by_type(self) -> bool:
        """Return whether the dtype of images decides and not their values, as in models of older versions."""
        return self.range_ is None and hasattr(self, "shape_")

    def _warn_of_channels(self) -> None:
        height, width, n_channels = self.shape_[-3:]
        if not self.channels_first and is_channels_first(self.shape_[-3:]):
            warn(
                f"X holds {self.kind} of height {height}, width {width} and {n_channels} channels; if the "
                "channels come first, pass a ConvNet with channels_first=True.",
                UserWarning,
            )

    def _read(self, X: RowsLike, owner: BaseEstimator) -> np.ndarray:
        images = self._as_array(X)
        if images.dtype.kind not in "buif":
            raise ValueError(f"X should hold {self.kind} of numbers, but is of dtype {images.dtype}.")
        n_axes = len(self.axes) + 3
        if images.ndim not in (n_axes - 1, n_axes):
            raise ValueError(f"X should hold {self.kind}, {self._expected()}; got shape {images.shape}.")
        with np.errstate(over="ignore"):  # too large numbers become infinite and are rejected
            kept = images.dtype == np.uint8 or (images.dtype.kind in "bui" and not self._by_type)
            dtype = images.dtype if kept else self.dtype
            images = check_array(images, dtype=dtype, allow_nd=True, estimator=owner, input_name="X")
        if images.ndim < n_axes:
            images = images[..., None]
        elif self.channels_first:
            images = np.moveaxis(images, -3, -1)
        if 0 in images.shape:
            raise ValueError(f"X holds {self.kind} without a pixel: its shape is {np.shape(X)}.")
        return np.ascontiguousarray(images)

    def _expected(self) -> str:
        pixels = "C, H, W" if self.channels_first else "H, W, C"
        axes = ", ".join(self.axes)
        return f"as an array of shape ({axes}, {pixels}), or of shape ({axes}, H, W) if they are grey"

    def _as_array(self, X: RowsLike) -> np.ndarray:
        """Stack images of a list or an object array."""
        if issparse(X):
            raise TypeError(f"X is a sparse matrix, but should hold {self.kind}, {self._expected()}.")
        X = rows_of_series(plain(X))
        whole = as_array(X) if hasattr(X, "__array__") else None
        if whole is not None and (whole.dtype.kind != "O" or whole.ndim != 1):
            return whole
        if isinstance(X, str) or not hasattr(X, "__iter__"):
            raise TypeError(f"X should hold {self.kind}, {self._expected()}; got {type(X).__name__}.")
        return self._stacked([self._as_image(row, image) for row, image in enumerate(X)])

    def _as_image(self, row: int, image: Any) -> np.ndarray:
        try:
            return as_array(image)
        except ValueError as error:
            raise ValueError(f"row {row} of X is not one of the {self.kind}: {error}") from error

    def _stacked(self, images: Sequence[np.ndarray]) -> np.ndarray:
        if not images:
            return np.empty((0,) * (len(self.axes) + 3))
        first = images[0]
        for row, image in enumerate(images):
            if image.shape != first.shape:
                raise ValueError(
                    f"{self.kind} should all be of one shape; row {row} of X is of shape {image.shape}, "
                    f"row 0 of shape {first.shape}."
                )
            if (image.dtype == np.uint8) != (first.dtype == np.uint8):
                raise ValueError(
                    f"{self.kind} should all be bytes (uint8), or none of them; row {row} of X is of dtype "
                    f"{image.dtype}, row 0 of dtype {first.dtype}."
                )
        return np.stack(images)


def channel_scale(images: np.ndarray, sample_weight: np.ndarray | None) -> tuple[np.ndarray, np.ndarray]:
    """Learn mean and standard deviation of the channels (..., C), of bytes divided by 255; see `Images`."""
    weight = np.ones(len(images)) if sample_weight is None else sample_weight
    weight = weight / weight.sum()
    mean = sum(share @ pixels.mean(axis=1) for share, pixels in _chunks(images, weight))
    variance = sum(share @ np.square(pixels - mean).mean(axis=1) for share, pixels in _chunks(images, weight))
    scale = np.sqrt(variance)
    # rounding error of a constant channel
    return mean, np.where(scale > 1e-12 * np.abs(mean), scale, 1.0)


def _chunks(images: np.ndarray, weight: np.ndarray) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Yield the weights (B,) and pixels (B, n_pixels, C) of rows, chunk by chunk."""
    size = max(1, CHUNK // images[0].size)
    unit = 255.0 if images.dtype == np.uint8 else 1.0
    for start in range(0, len(images), size):
        rows = slice(start, start + size)
        pixels = images[rows].reshape(-1, images[0].size // images.shape[-1], images.shape[-1])
        yield weight[rows], np.divide(pixels, unit, dtype=np.float64)


class Standardized(nn.Module):
    """Standardise each channel of images; bytes are divided by 255 first.

    Parameters
    ----------
    name : str
        Name of the encoded images.
    mean, scale : ndarray of shape (C,)
        Statistics of `Images`.
    n_axes : int
        Number of axes of a batch before the channels.
    """

    offset: Tensor
    factor: Tensor

    def __init__(self, name: str, mean: np.ndarray, scale: np.ndarray, n_axes: int) -> None:
        super().__init__()
        self.name, self.n_axes = name, n_axes
        self.register_buffer("offset", torch.from_numpy(-mean / scale))
        self.register_buffer("factor", torch.from_numpy(1 / scale))

    def forward(self, inputs: Inputs) -> StemOutput:
        images = inputs[self.name]
        offset, factor = self._by_pixel(self.offset), self._by_pixel(self.factor)
        if images.dtype == torch.uint8:
            images, factor = images.to(factor.dtype), factor / 255
        return StemOutput(torch.addcmul(offset, images, factor), self.n_axes - 1)

    def _by_pixel(self, values: Tensor) -> Tensor:
        return values.view(*values.shape[:-1], *(1,) * self.n_axes, values.shape[-1])
