"""Value range of images: bytes, fractions of the maximum brightness, or other numbers."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

# Images whose maximum is below this are not known to have a range up to 255.
BRIGHT = 128
# Images above this multiple of the maximum in fit have another scale.
FACTOR = 16.0


class ImageRange(NamedTuple):
    """The value range of the images in fit, determined by the values and not by the dtype.

    Whole numbers from 0 to 255 are bytes if some are above 127, or if they are stored as uint8 and some are above
    1: b means b / 255. Numbers from 0 to 1 are fractions, which are equivalent to bytes divided by 255. Other
    numbers are used unchanged.

    Parameters
    ----------
    kind : {"bytes", "shares", "numbers"}
    lowest, highest : float
        Range of the original numbers.
    whole : bool
        Whether all numbers are whole.
    """

    kind: str
    lowest: float
    highest: float
    whole: bool

    @classmethod
    def of(cls, images: np.ndarray) -> ImageRange:
        """Determine the range of images with finite numbers."""
        lowest, highest = float(images.min()), float(images.max())
        whole = images.dtype.kind in "bui" or _are_whole(images)
        if lowest >= 0 and highest <= 1:
            return cls("shares", lowest, highest, whole)
        are_bytes = whole and lowest >= 0 and highest <= 255 and (highest >= BRIGHT or images.dtype == np.uint8)
        return cls("bytes" if are_bytes else "numbers", lowest, highest, whole)

    def convert(self, images: np.ndarray, what: str) -> np.ndarray:
        """Return images as bytes, which represent fractions, or as numbers.

        Parameters
        ----------
        images : ndarray
            With finite numbers.
        what : str
            Name of the images in messages.

        Raises
        ------
        ValueError
            If their range differs from that of fit.
        """
        if self.kind == "bytes":
            return self._bytes(images, what)
        if self.kind == "shares":
            return self._shares(images, what)
        if images.dtype.kind == "f" and self.whole and self.highest > 1:
            _, highest = _ends(images)
            if 0 < highest <= 1 and not _are_whole(images):
                raise self._other_scale(images, what)
        numbers = self._not_larger(images, what)
        # bytes would represent fractions
        return numbers.astype(np.float64) if numbers.dtype == np.uint8 else numbers

    def _bytes(self, images: np.ndarray, what: str) -> np.ndarray:
        if images.dtype == np.uint8:
            return images
        lowest, highest = _ends(images)
        if images.dtype.kind == "b" and highest > 0 and self.highest >= BRIGHT:
            raise self._other_scale(images, what)
        if lowest < 0 or highest > 255:
            raise self._other_scale(images, what)
        whole = images.dtype.kind in "bui" or _are_whole(images)
        is_share = images.dtype.kind == "f" and highest <= 1 and (self.highest >= BRIGHT or not whole)
        if is_share and highest > 0 and self.highest < BRIGHT:
            raise self._other_scale(images, what)
        if is_share:
            return images
        return images.astype(np.uint8) if whole else images / 255

    def _shares(self, images: np.ndarray, what: str) -> np.ndarray:
        lowest, highest = _ends(images)
        if images.dtype.kind in "bui" and lowest >= 0 and highest <= 1:
            return images.astype(np.uint8) * np.uint8(255)
        if lowest >= 0 and 1 < highest <= 255 and (images.dtype == np.uint8 or highest >= BRIGHT):
            if images.dtype.kind in "ui" or _are_whole(images):
                return images.astype(np.uint8)
            if highest > FACTOR:
                return images / 255
        return self._not_larger(images, what)

    def _not_larger(self, images: np.ndarray, what: str) -> np.ndarray:
        largest = max(abs(self.lowest), abs(self.highest))
        lowest, highest = _ends(images)
        if largest > 0 and max(abs(lowest), abs(highest)) > FACTOR * largest:
            raise self._other_scale(images, what)
        return images

    def _other_scale(self, images: np.ndarray, what: str) -> ValueError:
        lowest, highest = _ends(images)
        return ValueError(
            f"X holds {what} of {images.dtype} from {lowest:g} to {highest:g}, but fit saw numbers from "
            f"{self.lowest:g} to {self.highest:g}; pass {what} with the scale of fit."
        )


def _ends(images: np.ndarray) -> tuple[float, float]:
    return (float(images.min()), float(images.max())) if images.size else (0.0, 0.0)


def _are_whole(images: np.ndarray) -> bool:
    # for most data one image suffices
    return all(bool((part == np.rint(part)).all()) for part in (images[:1], images[1:]))


def is_channels_first(shape: Any) -> bool:
    """Return whether images of three axes seem to have channels first: few in front, and none at the end."""
    return len(shape) == 3 and shape[0] in (1, 3, 4) and min(shape[1:]) >= 6
