"""Videos: a convolutional network over frames, then an encoder of sequences."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
from sklearn.base import BaseEstimator, clone
from torch import nn

from ..utils._params import NestedParamsMixin, resolve_spec, validate_spec
from ..utils._random import Streams
from ..utils._types import ColumnsLike, RowsLike
from ._base import Inputs, Representation, Trunk
from ._conv_net import ConvNet
from ._images import VIDEOS, Images
from ._sequence_encoder import SequenceEncoder
from ._stem_output import StemOutput


def _resolve_frames(frames: Any) -> ConvNet:
    return ConvNet() if frames is None else resolve_spec("frames", frames, ConvNet, {})


def _resolve_sequence(sequence: Any) -> SequenceEncoder:
    if sequence is None:
        return SequenceEncoder(hidden_size=128)
    return resolve_spec("sequence", sequence, SequenceEncoder, {})


class VideoEncoder(NestedParamsMixin, Trunk):
    """Convolutional network over the frames of a video, then an encoder of the sequence of frames [1]_.

    X is an array (n, T, H, W, C), or (n, T, H, W) for grey videos, or a list or object array of videos. All videos
    have the same shape. They are scaled like the images of `ConvNet`. The tokens are the frames.

    Parameters
    ----------
    frames : ConvNet or None, default=None
        Encodes each frame; with ``channels_first`` X is (n, T, C, H, W). None means ``ConvNet()``.
    sequence : SequenceEncoder or None, default=None
        Encodes the sequence of frame vectors. None means ``SequenceEncoder(hidden_size=128)``.

    Attributes
    ----------
    video_shape_ : (int, int, int, int)
        (T, H, W, C) of the videos.

    References
    ----------
    .. [1] Donahue et al., "Long-term Recurrent Convolutional Networks for Visual Recognition and Description",
       CVPR 2015.

    Examples
    --------
    A bright column that moves left or right:

    >>> import numpy as np
    >>> from sklearn_mtl import MultiTaskNetClassifier
    >>> from sklearn_mtl.trunks import ConvNet, SequenceEncoder, VideoEncoder
    >>> moves_right = np.arange(40) % 2
    >>> X = np.zeros((40, 4, 8, 8), dtype=np.uint8)
    >>> for video, right in zip(X, moves_right):
    ...     for step in range(4):
    ...         video[step, :, 2 * step if right else 6 - 2 * step] = 255
    >>> trunk = VideoEncoder(ConvNet(channels=(8, 16)), SequenceEncoder(hidden_size=16))
    >>> net = MultiTaskNetClassifier(trunk=trunk, max_epochs=20, random_state=0).fit(X, moves_right)
    >>> net.score(X, moves_right)
    1.0
    """

    has_tokens = True
    spec_params: ClassVar[dict] = {"frames": _resolve_frames, "sequence": _resolve_sequence}

    _parameter_constraints: dict = {"frames": [ConvNet, None], "sequence": [SequenceEncoder, None]}

    def __init__(self, frames: ConvNet | None = None, sequence: SequenceEncoder | None = None) -> None:
        self.frames = frames
        self.sequence = sequence

    @property
    def not_stackable(self) -> str | None:  # type: ignore[override]
        """Return why fits cannot be stacked, which depends on the sequence encoder."""
        return _resolve_sequence(self.sequence).not_stackable

    def fit(
        self,
        X: RowsLike,
        *,
        owner: BaseEstimator,
        dtype: str = "float32",
        categorical_features: ColumnsLike = "from_dtype",
        sample_weight: np.ndarray | None = None,
    ) -> VideoEncoder:
        self._validate_params()
        frames, self.sequence_ = clone(_resolve_frames(self.frames)), clone(_resolve_sequence(self.sequence))
        frames.check_params()
        validate_spec(self.sequence_)
        self.videos_ = Images(frames.channels_first, np.dtype(dtype), VIDEOS).fit(X, owner, sample_weight)
        self.video_shape_ = self.videos_.shape_
        self.frames_ = frames.fit_to_shape(self.video_shape_[1:])
        self.stem_width_ = self.frames_.stem_width_
        self.width_ = self.sequence_.width_of(self.frames_.width_)
        return self

    def encode(self, X: RowsLike, *, owner: BaseEstimator) -> Inputs:
        return self.videos_.encode(X, owner)

    def lengths(self, X: RowsLike) -> np.ndarray:
        return np.full(len(X), self.video_shape_[0])

    def stem(self, streams: Streams) -> nn.Module:
        return self.videos_.stem()

    def body(self, streams: Streams, name: str = "body") -> nn.Module:
        frames = self.frames_.body(streams, name)
        return _Body(frames, self.sequence_.body_for(self.frames_.width_, streams, f"{name} over frames"))


class _Body(nn.Module):
    """A body over frames, then a body over the sequence of their vectors.

    Parameters
    ----------
    frames : nn.Module
        Maps the images (..., B * T, H, W, C) of a `StemOutput` to their representations.
    sequence : nn.Module
        Maps the vectors (..., B, T, D) of a `StemOutput` to a representation.
    """

    def __init__(self, frames: nn.Module, sequence: nn.Module) -> None:
        super().__init__()
        self.frames = frames
        self.sequence = sequence

    def forward(self, given: StemOutput) -> Representation:
        videos = given.values
        images = self.frames(StemOutput(videos.flatten(-5, -4), 2)).sample
        return self.sequence(StemOutput(images.unflatten(-2, videos.shape[-5:-3]), 1))
