"""Displays of what parts of images and sentences predictions are due to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from ..columns._columns import plain
from ..estimator._task_view import TaskView
from ..tasks import Task
from ..trunks import ConvNet, SequenceEncoder
from ..trunks._tokens import rows_of, token_lists
from ..utils._optional import import_optional
from ..utils._types import AxesLike, RowsLike
from ._integrated_gradients import integrated_gradients, network_of
from ._task_scores import reach

# Most rows of a picture.
MOST_ROWS = 20
# How tokens are written.
WRITTEN: dict[str, Any] = {
    "ha": "center", "va": "center", "family": "monospace", "fontsize": 9, "parse_math": False,
}  # fmt: skip
# Below the pictures.
LEGEND = "blue: raises the value, red: lowers it"


def _explained(
    net: Any, X: RowsLike, tasks: Sequence[str] | None, targets: Any, positions: Any, options: Mapping[str, Any]
) -> tuple[dict[str, Any], dict[str, list[str]]]:
    """Compute integrated gradients of several tasks; return attributions and titles of the rows by task."""
    last = reach(net, "integrated_gradients")[1]
    names = _names_of(last, tasks, positions)
    for what, given in (("targets", targets), ("positions", positions)):
        if given is not None and not isinstance(given, Mapping):
            raise TypeError(f"{what} should be a mapping by task, got {given!r}.")
        unknown = [name for name in given or {} if name not in names]
        if unknown:
            raise ValueError(f"{what} names {unknown}, which are not among the drawn tasks {names}.")
    targets, positions = targets or {}, positions or {}
    found = {
        name: integrated_gradients(net, X, name, target=targets.get(name), position=positions.get(name), **options)
        for name in names
    }
    known = last.net_.tasks_ if isinstance(last, TaskView) else last.tasks_
    titles = {
        name: _titles(f"{name}[{positions[name]}]" if name in positions else name, each, known[name])
        for name, each in found.items()
    }
    return {name: each.attributions for name, each in found.items()}, titles


def _names_of(last: Any, tasks: Sequence[str] | None, positions: Any) -> list[str]:
    """Return the tasks to draw: those that are named, or all that label rows and those with a position."""
    if isinstance(last, TaskView):
        return [last.task]
    if tasks is not None:
        return list(last._chosen(tasks))
    named = set(positions or {})
    return [name for name, task in last.tasks_.items() if not task.labels_positions or name in named]


def _titles(name: str, found: Any, task: Task) -> list[str]:
    """Return for each row the task, what is explained, and its value."""
    rows = zip(found.targets.tolist(), found.predictions.tolist(), strict=True)
    if hasattr(task, "classes_"):
        return [f"{name}: P({target}) = {value:.2f}" for target, value in rows]
    several = task.n_elements_ > 1
    return [f"{name}{f' {target}' if several else ''}: {value:.3g}" for target, value in rows]


class ImageSaliencyDisplay:
    """Images beside what their pixels contribute to the predictions of tasks.

    Blue pixels raise the value in the title, red ones lower it; the colours of each picture are relative to its
    strongest pixel. Contributions are integrated gradients, summed over channels. Create it with `from_estimator`;
    `plot` draws it.

    Parameters
    ----------
    images : ndarray of shape (n_rows, height, width) or (n_rows, height, width, n_channels)
        Images.
    saliency : mapping of str to ndarray of shape (n_rows, height, width)
        Contributions of the pixels by task.
    titles : mapping of str to list of str, or None, default=None
        Title of each picture; None writes the names of the tasks.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes of shape (n_rows, n_tasks + 1)
        The pictures: first the image, then one for each task.

    See Also
    --------
    integrated_gradients : The contributions.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from sklearn_mtl import MultiTaskNetClassifier, Targets
    >>> from sklearn_mtl.inspection import ImageSaliencyDisplay
    >>> from sklearn_mtl.trunks import ConvNet
    >>> digits = load_digits()
    >>> y = Targets(digit=digits.target[:200], odd=digits.target[:200] % 2)
    >>> net = MultiTaskNetClassifier(trunk=ConvNet(channels=(8, 16)), max_epochs=5, random_state=0)
    >>> net = net.fit(digits.images[:200], y)
    >>> ImageSaliencyDisplay.from_estimator(net, digits.images[:2], n_steps=200).axes_.shape
    (2, 3)
    """

    def __init__(
        self, images: Any, saliency: Mapping[str, Any], titles: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.images = images
        self.saliency = dict(saliency)
        self.titles = titles

    @classmethod
    def from_estimator(
        cls,
        net: Any,
        X: RowsLike,
        *,
        tasks: Sequence[str] | None = None,
        targets: Mapping[str, Any] | None = None,
        positions: Mapping[str, tuple[int, int]] | None = None,
        axes: AxesLike = None,
        **options: Any,
    ) -> ImageSaliencyDisplay:
        """Compute integrated gradients of a few images and draw them.

        Parameters
        ----------
        net : MultiTaskNetEstimator
            Fitted, with the trunk `ConvNet <sklearn_mtl.trunks.ConvNet>`.
        X : array-like of shape (n_rows, height, width) or (n_rows, height, width, n_channels)
            At most 20 images, in the form of ``fit``.
        tasks : sequence of str or None, default=None
            Tasks to draw; None draws all that label whole images, and those in ``positions``.
        targets : mapping of str to object, or None, default=None
            What to explain of a task, as the parameter ``target`` of `integrated_gradients`.
        positions : mapping of str to (int, int), or None, default=None
            Row and column of the pixel that is explained, of tasks that label pixels.
        axes : array of matplotlib Axes of shape (n_rows, n_tasks + 1), or None, default=None
            Axes to draw on; None creates a figure.
        **options : dict
            Further arguments of `integrated_gradients`: ``baseline``, ``n_steps``.

        Returns
        -------
        ImageSaliencyDisplay
        """
        trunk = _trunk_of(net, ConvNet, "ImageSaliencyDisplay")
        shares, titles = _explained(net, X, tasks, targets, positions, options)
        images = trunk.images_._as_array(plain(X))
        _require_few(len(images))
        if images.ndim == 4 and trunk.channels_first:
            images = np.moveaxis(images, 1, -1)
        if images.ndim == 4:
            axis = 1 if trunk.channels_first else -1
            shares = {name: of_task.sum(axis=axis) for name, of_task in shares.items()}
        return cls(images, shares, titles).plot(axes=axes)

    def plot(self, *, cmap: Any = "RdBu", axes: AxesLike = None) -> ImageSaliencyDisplay:
        """Draw the pictures.

        Parameters
        ----------
        cmap : str or matplotlib Colormap, default="RdBu"
            Colours of contributions, symmetric about 0.
        axes : array of matplotlib Axes of shape (n_rows, n_tasks + 1), or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "ImageSaliencyDisplay")
        shape = len(self.images), len(self.saliency) + 1
        if axes is None:
            size = (2.1 * shape[1], 2.25 * shape[0] + 0.3)
            figure, axes = pyplot.subplots(*shape, figsize=size, squeeze=False, layout="constrained")
            figure.supxlabel(LEGEND, fontsize="small")
        self.axes_ = np.asarray(axes, dtype=object)
        if self.axes_.shape != shape:
            raise ValueError(f"axes should be of shape {shape}, images by tasks and one; got {self.axes_.shape}.")
        self.figure_ = self.axes_[0, 0].figure
        for row, image in enumerate(self.images):
            shown = _for_show(image)
            self.axes_[row, 0].imshow(shown, cmap="gray" if shown.ndim == 2 else None)
            for column, (name, saliency) in enumerate(self.saliency.items(), start=1):
                ax, bound = self.axes_[row, column], np.abs(saliency[row]).max() or 1.0
                ax.imshow(saliency[row], cmap=cmap, vmin=-bound, vmax=bound)
                title = name if self.titles is None else self.titles[name][row]
                ax.set_title(title, fontsize="medium", parse_math=False)
        for ax in self.axes_.flat:
            ax.set(xticks=[], yticks=[])
        return self


def _for_show(image: np.ndarray) -> np.ndarray:
    """Return an image as matplotlib draws it: grey, or three channels between 0 and 1."""
    grey = image.mean(axis=-1) if image.ndim == 3 and image.shape[-1] not in (3, 4) else image
    if grey.ndim == 3:
        low, high = float(grey.min()), float(grey.max())
        return (grey - low) / ((high - low) or 1.0) if grey.dtype != np.uint8 else grey
    return grey


class TokenSaliencyDisplay:
    """Sentences whose tokens are coloured by what they contribute to the predictions of tasks.

    Each sentence is written once for each task. Blue tokens raise the value beside the line, red ones lower
    it; the colours of a line are relative to its strongest token. Contributions are integrated gradients. Create
    it with `from_estimator`; `plot` draws it.

    Parameters
    ----------
    tokens : list of list of str
        The sentences.
    saliency : mapping of str to list of ndarray of shape (n_tokens,)
        Contributions of the tokens of each sentence by task.
    titles : mapping of str to list of str, or None, default=None
        Title of each line; None writes the names of the tasks.

    Attributes
    ----------
    figure_ : matplotlib Figure
        The figure.
    axes_ : ndarray of matplotlib Axes of shape (n_rows,)
        The sentences.
    text_ : list of list of matplotlib Text
        The tokens of each line: of the first sentence by task, then of the second.

    See Also
    --------
    integrated_gradients : The contributions.

    Examples
    --------
    >>> from sklearn_mtl import MultiTaskNetClassifier, Targets
    >>> from sklearn_mtl.inspection import TokenSaliencyDisplay
    >>> from sklearn_mtl.trunks import SequenceEncoder
    >>> X = ["play some jazz", "book a table", "play a song", "book a room for two"] * 5
    >>> y = Targets(intent=["music", "place"] * 10, has_a=[int(" a " in row) for row in X])
    >>> net = MultiTaskNetClassifier(trunk=SequenceEncoder(hidden_size=16), max_epochs=10, random_state=0)
    >>> display = TokenSaliencyDisplay.from_estimator(net.fit(X, y), ["play a tune"])
    >>> [text.get_text() for text in display.text_[0]]
    ['play', 'a', 'tune']
    """

    def __init__(
        self,
        tokens: Sequence[Sequence[str]],
        saliency: Mapping[str, Sequence[Any]],
        titles: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.tokens = tokens
        self.saliency = dict(saliency)
        self.titles = titles

    @classmethod
    def from_estimator(
        cls,
        net: Any,
        X: RowsLike,
        *,
        tasks: Sequence[str] | None = None,
        targets: Mapping[str, Any] | None = None,
        positions: Mapping[str, int] | None = None,
        axes: AxesLike = None,
        **options: Any,
    ) -> TokenSaliencyDisplay:
        """Compute integrated gradients of a few sentences and draw them.

        Parameters
        ----------
        net : MultiTaskNetEstimator
            Fitted, with the trunk `SequenceEncoder <sklearn_mtl.trunks.SequenceEncoder>` and X of tokens.
        X : sequence of str or of lists of str
            At most 20 sentences, in the form of ``fit``.
        tasks : sequence of str or None, default=None
            Tasks to draw; None draws all that label sentences, and those in ``positions``.
        targets : mapping of str to object, or None, default=None
            What to explain of a task, as the parameter ``target`` of `integrated_gradients`.
        positions : mapping of str to int, or None, default=None
            Position of the token that is explained, of tasks that label tokens.
        axes : sequence of matplotlib Axes, one for each sentence, or None, default=None
            Axes to draw on; None creates a figure.
        **options : dict
            Further arguments of `integrated_gradients`: ``baseline``, ``n_steps``.

        Returns
        -------
        TokenSaliencyDisplay
        """
        trunk = _trunk_of(net, SequenceEncoder, "TokenSaliencyDisplay")
        if trunk.n_features_ is not None:
            raise TypeError("TokenSaliencyDisplay draws tokens, but X of fit was sequences of numbers.")
        tokens = [list(row) for row in token_lists(rows_of(X))]
        _require_few(len(tokens))
        shares, titles = _explained(net, X, tasks, targets, positions, options)
        return cls(tokens, shares, titles).plot(axes=axes)

    def plot(self, *, cmap: Any = "RdBu", axes: AxesLike = None) -> TokenSaliencyDisplay:
        """Draw the sentences.

        Parameters
        ----------
        cmap : str or matplotlib Colormap, default="RdBu"
            Colours of contributions, symmetric about 0.
        axes : sequence of matplotlib Axes, one for each sentence, or None, default=None
            Axes to draw on; None creates a figure.

        Returns
        -------
        self
        """
        pyplot = import_optional("matplotlib.pyplot", "plots", "TokenSaliencyDisplay")
        # in units of a character; a token has a margin of one on either side
        edges = [np.cumsum([0, *(len(token) + 2 for token in row)]) for row in self.tokens]
        longest = max(int(of[-1]) for of in edges)
        if axes is None:
            size = (2.6 + 0.095 * longest, 0.5 + len(self.tokens) * (0.2 + 0.32 * len(self.saliency)))
            figure, axes = pyplot.subplots(len(self.tokens), figsize=size, squeeze=False, layout="constrained")
            figure.supxlabel(LEGEND, fontsize="small")
        self.axes_ = np.asarray(axes, dtype=object).reshape(-1)
        if len(self.axes_) != len(self.tokens):
            raise ValueError(f"axes should be {len(self.tokens)}, one for each sentence; got {len(self.axes_)}.")
        self.figure_ = self.axes_[0].figure
        colours = pyplot.get_cmap(cmap)
        self.text_: list[list[Any]] = []
        for number, ax in enumerate(self.axes_):
            for line, name in enumerate(self.saliency):
                self.text_.append(self._write(ax, line, edges[number], number, name, colours))
            titles = [name if self.titles is None else self.titles[name][number] for name in self.saliency]
            ax.set(xlim=(0, longest), ylim=(len(titles) - 0.5, -0.5), xticks=[])
            ax.set_yticks(range(len(titles)), titles, parse_math=False)
            ax.tick_params(length=0)
            ax.spines[:].set_visible(False)
        return self

    def _write(self, ax: Any, line: int, edges: np.ndarray, number: int, name: str, colours: Any) -> list[Any]:
        shares = np.asarray(self.saliency[name][number], dtype=float)
        shades = colours(0.5 + 0.5 * shares / (np.abs(shares).max(initial=0.0) or 1.0))
        texts = []
        for token, start, end, shade in zip(self.tokens[number], edges, edges[1:], shades, strict=False):
            ax.barh(line, end - start, left=start, height=0.86, color=shade, edgecolor="white")
            ink = "black" if np.dot(shade[:3], [0.3, 0.59, 0.11]) > 0.5 else "white"
            texts.append(ax.text((start + end) / 2, line, token, color=ink, **WRITTEN))
        return texts


def _trunk_of(net: Any, kind: type, call: str) -> Any:
    """Return the trunk of a network, which should be of some type."""
    last = reach(net, call)[1]
    network, _ = network_of(net, last.task if isinstance(last, TaskView) else last.task_names_[0], call)
    trunk = network._model.blueprint.trunk
    if not isinstance(trunk, kind):
        raise TypeError(f"{call} draws the rows of a {kind.__name__}, but the trunk is a {type(trunk).__name__}.")
    return trunk


def _require_few(n_rows: int) -> None:
    if n_rows > MOST_ROWS:
        raise ValueError(f"X has {n_rows} rows; choose at most {MOST_ROWS} to draw.")
