"""Images and videos, boxes and labels of pixels, and several inputs."""

import numpy as np
import torch
from scipy.sparse import csr_matrix

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.tasks import BoundingBox, Segmentation
from sklearn_mtl.trunks import ConvNet, MultiInput, VideoEncoder

from .case import BadInput
from .sequences import column

N_IMAGES = 12
IMAGES = np.random.default_rng(0).integers(0, 256, size=(N_IMAGES, 8, 8, 1), dtype=np.uint8)
KIND = ["cat", "dog"] * (N_IMAGES // 2)
BOXES = np.tile([1.0, 2.0, 5.0, 6.0], (N_IMAGES, 1))
PIXELS = np.tile([[0, 1], [1, 0]], (N_IMAGES, 1, 1))


def fit_images(X=None, y=None, **params):
    defaults = {"trunk": ConvNet(channels=(3,)), "max_epochs": 1, "batch_size": 4, "random_state": 0}
    estimator = MultiTaskNetEstimator(**{**defaults, **params})
    return estimator.fit(IMAGES if X is None else X, {"kind": KIND} if y is None else y)


def with_images(X, **params):
    return lambda: fit_images(X, **params)


def with_pixel(value):
    images = IMAGES.astype(float)
    images[3, 0, 0, 0] = value
    return with_images(images)


def fit_boxes(boxes=BOXES):
    return fit_images(y={"box": boxes}, tasks={"box": BoundingBox()})


def with_box(*box):
    boxes = BOXES.copy()
    boxes[3] = box
    return lambda: fit_boxes(boxes)


def fit_pixels(labels=PIXELS, **params):
    return fit_images(y={"pixels": labels}, tasks={"pixels": Segmentation()}, **params)


IMAGE_ROWS = [
    BadInput(
        "images of different shapes",
        with_images(column(list(IMAGES), row3=IMAGES[0][:4])),
        ValueError,
        r"images should all be of one shape; row 3 of X is of shape \(4, 8, 1\)",
    ),
    BadInput("an image contains NaN", with_pixel(np.nan), ValueError, "Input X contains NaN"),
    BadInput("an image contains infinity", with_pixel(np.inf), ValueError, "Input X contains infinity"),
    BadInput("images of text", with_images(IMAGES.astype(str)), ValueError, "X should hold images of numbers"),
    BadInput("an image is None", with_images(column([None] * N_IMAGES)), ValueError, "X should hold images of"),
    BadInput(
        "images of bytes and of floats",
        with_images(column(list(IMAGES), row3=IMAGES[3] / 255)),
        ValueError,
        "images should be all of bytes or none; row 3 of X is of dtype float64",
    ),
    BadInput(
        "images without their two axes",
        with_images(IMAGES[:, 0, :, 0]),
        ValueError,
        r"X should hold images, .*got shape \(12, 8\)",
    ),
    BadInput("images with an axis too many", with_images(IMAGES[..., None]), ValueError, "X should hold images, "),
    BadInput(
        "a sparse matrix as images", with_images(csr_matrix(np.ones((12, 3)))), TypeError, "X is a sparse matrix"
    ),
    BadInput("images without a pixel", with_images(IMAGES[:, :0]), ValueError, "images without a pixel"),
    BadInput("there is no image", lambda: fit_images(IMAGES[:0], {"kind": []}), ValueError, r"0 sample\(s\)"),
    BadInput(
        "images of another shape at predict",
        lambda: fit_images().predict(IMAGES[:, :4]),
        ValueError,
        r"images of shape \(4, 8, 1\) .*fitted to images of shape \(8, 8, 1\)",
    ),
    BadInput(
        "one image at predict", lambda: fit_images().predict(IMAGES[0]), ValueError, "was fitted to images of"
    ),
    BadInput(
        "images as videos", with_images(IMAGES[..., 0], trunk=VideoEncoder()), ValueError, "X should hold videos, "
    ),
]

POSITION_ROWS = [
    BadInput(
        "a box with x1 < x0",
        with_box(5, 2, 1, 6),
        ValueError,
        r"task 'box': row 3: a box is \(x0, y0, x1, y1\) with x0 <= x1 and y0 <= y1, got",
    ),
    BadInput(
        "a box is missing in part", with_box(1, np.nan, 5, 6), ValueError, "row 3: a box has 4 finite numbers, or"
    ),
    BadInput("a box is infinite", with_box(1, 2, np.inf, 6), ValueError, "row 3: a box has 4 finite numbers"),
    BadInput(
        "a box of three numbers", lambda: fit_boxes(BOXES[:, :3]), ValueError, "boxes have 4 numbers .*got shape"
    ),
    BadInput("a box is text", lambda: fit_boxes(BOXES.astype(str)), ValueError, "boxes must be numbers"),
    BadInput(
        "a box with x1 < x0 at score",
        lambda: fit_boxes().score(IMAGES, {"box": BOXES[:, ::-1]}),
        ValueError,
        "row 0: a box is",
    ),
    BadInput(
        "labels of pixels have an axis too many",
        lambda: fit_pixels(PIXELS[..., None]),
        ValueError,
        r"task 'pixels': the target of a segmentation should have shape \(n_samples, height, width\), got",
    ),
    BadInput(
        "all labels of pixels are ignored",
        lambda: fit_pixels(np.full((N_IMAGES, 2, 2), -1)),
        ValueError,
        "task 'pixels': all labels are missing",
    ),
    BadInput(
        "labels of the pixels of a table",
        lambda: fit_pixels(X=np.ones((N_IMAGES, 3)), trunk="mlp"),
        ValueError,
        "task 'pixels': .*labels each pixel, but MLP returns a vector per row",
    ),
]


def several(X, **inputs):
    trunk = MultiInput(inputs or {"a": "mlp", "b": "mlp"})
    return lambda: fit_images(X, Targets(kind=KIND), trunk=trunk)


INPUT_ROWS = [
    BadInput(
        "one of several inputs is lacking",
        several({"a": np.ones((N_IMAGES, 2))}),
        ValueError,
        r"X lacks the inputs \['b'\] of MultiInput; it has \['a'\]",
    ),
    BadInput(
        "several inputs differ in their rows",
        several({"a": np.ones((N_IMAGES, 2)), "b": np.ones((N_IMAGES + 1, 2))}),
        ValueError,
        "inconsistent numbers of samples|same number of rows",
    ),
    BadInput(
        "an array instead of several inputs",
        several(np.ones((N_IMAGES, 2))),
        TypeError,
        "X of MultiInput should be a mapping from name to input, or a frame, got ndarray",
    ),
    BadInput(
        "a module that gives several things",
        with_images(np.ones((N_IMAGES, 2, 3)), trunk=torch.nn.LSTM(3, 3, batch_first=True)),
        ValueError,
        r"the module LSTM of ModuleTrunk should return a tensor of floats \(B, D\), .* a result of type tuple",
    ),
]
