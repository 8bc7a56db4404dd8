"""Two regressions with a given correlation: test error of architectures of equal size as it decreases.

The data are those of Ma et al., "Modeling Task Relationships in Multi-task Learning with Multi-gate
Mixture-of-Experts", KDD 2018, section 3.2.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from _architectures_adult import n_parameters

from sklearn_mtl import MultiTaskNetRegressor, Optimizer
from sklearn_mtl.architectures import (
    PLE,
    AdaTT,
    Architecture,
    CrossStitch,
    HardSharing,
    Independent,
    MMoE,
    SubspaceSharing,
)
from sklearn_mtl.trunks import MLP

RHOS = (1.0, 0.9, 0.5, 0.0, -0.5)
TOWER = (8,)
ARCHITECTURES: dict[str, Architecture] = {
    "HardSharing": HardSharing(tower_sizes=TOWER),
    "MMoE": MMoE(n_experts=8, tower_sizes=TOWER),
    "PLE": PLE(n_shared=3, n_specific=2, tower_sizes=TOWER),
    "Independent": Independent(tower_sizes=TOWER),
    "CrossStitch": CrossStitch(tower_sizes=TOWER),
    "SubspaceSharing": SubspaceSharing(tower_sizes=TOWER),
    "AdaTT": AdaTT(n_experts=4, tower_sizes=TOWER),
}


@dataclass(frozen=True)
class Setting:
    """Data and training, the same for all architectures.

    The learning rate is that of the smallest mean error of HardSharing, MMoE and PLE at rho 0.5 on data of other
    seeds, among 3e-3, 1e-2, 3e-2 and 1e-1.

    Parameters
    ----------
    rows, test_rows, inputs : int
    n_sines : int
        m, how many sines each target has.
    frequency : float
        Standard deviation of their frequencies alpha.
    scale : float
        c, the length of the weights.
    noise : float
        Standard deviation of eps.
    units : int
        Width of each of the 8 experts of MMoE; all networks are as large as that one.
    learning_rate : float
    epochs, batch_size : int
    """

    rows: int = 40_000
    test_rows: int = 5_000
    inputs: int = 100
    n_sines: int = 10
    frequency: float = 2.0
    scale: float = 2.0
    noise: float = 0.1
    units: int = 16
    learning_rate: float = 1e-2
    epochs: int = 15
    batch_size: int = 512

    def data(self, rho: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
        """Draw inputs and both targets; for one seed only the second direction depends on rho."""
        fixed = np.random.default_rng(0)
        alpha, beta = self.frequency * fixed.standard_normal(self.n_sines), fixed.standard_normal(self.n_sines)
        rng = np.random.default_rng([1, seed])
        u, _ = np.linalg.qr(rng.standard_normal((self.inputs, 2)))
        directions = self.scale * np.column_stack([u[:, 0], rho * u[:, 0] + np.sqrt(1 - rho**2) * u[:, 1]])
        n_rows = self.rows + self.test_rows
        X = rng.standard_normal((n_rows, self.inputs)).astype(np.float32)
        along = X @ directions
        sines = np.sin(along[..., None] * alpha + beta).sum(axis=-1)
        y = along + sines + self.noise * rng.standard_normal((n_rows, 2))
        return X, y.astype(np.float32)

    def estimator(self, architecture: Architecture, width: int, seed: int = 0) -> MultiTaskNetRegressor:
        return MultiTaskNetRegressor(
            trunk=MLP(hidden_sizes=(width,)), architecture=architecture, learning_rate=self.learning_rate,
            optimizer=Optimizer(schedule="cosine"), max_epochs=self.epochs, batch_size=self.batch_size,
            early_stopping=False, device="cpu", random_state=seed,
        )  # fmt: skip

    def size(self, architecture: Architecture, width: int) -> int:
        """Count the parameters of a network."""
        X, y = np.zeros((2, self.inputs), dtype=np.float32), np.array([[0, 0], [1, 1]], dtype=np.float32)
        return n_parameters(self.estimator(architecture, width).set_params(max_epochs=1, batch_size=2).fit(X, y))

    def widths(self) -> dict[str, tuple[int, int]]:
        """Find the width of every architecture at which it has as many parameters as MMoE."""
        wanted = self.size(ARCHITECTURES["MMoE"], self.units)
        found = {}
        for name, architecture in ARCHITECTURES.items():
            low, high = 1, 32 * self.units
            while high - low > 1:  # the size grows with the width
                middle = (low + high) // 2
                low, high = (low, middle) if self.size(architecture, middle) > wanted else (middle, high)
            sizes = {width: self.size(architecture, width) for width in (low, high)}
            width = min(sizes, key=lambda width: abs(sizes[width] - wanted))
            found[name] = (width, sizes[width])
        return found

    def error(self, architecture: Architecture, width: int, rho: float, seed: int) -> float:
        """Fit; return the mean squared error on test rows, in variances of the targets."""
        X, y = self.data(rho, seed)
        net = self.estimator(architecture, width, seed).fit(X[: self.rows], y[: self.rows])
        truth = y[self.rows :]
        errors = ((net.predict(X[self.rows :]) - truth) ** 2).mean(axis=0) / truth.var(axis=0)
        return float(errors.mean())


Errors = Mapping[str, Mapping[float, Sequence[float]]]


def run(n_seeds: int, plot: str | None) -> dict[str, Any]:
    """Print, draw and return the errors.

    Parameters
    ----------
    n_seeds : int
        Data sets per correlation.
    plot : str or None
        Where to save the figure.
    """
    setting = Setting()
    widths = setting.widths()
    print(f"\ntwo synthetic regressions, test MSE / variance, mean of {n_seeds} seeds (standard error), {setting}")
    print(f"{'architecture':18s}{'width':>6s}{'parameters':>12s}", end="")
    print("".join(f"{f'rho {rho:g}':>18s}" for rho in RHOS))
    errors: dict[str, dict[float, list[float]]] = {}
    for name, architecture in ARCHITECTURES.items():
        width, size = widths[name]
        errors[name] = {
            rho: [setting.error(architecture, width, rho, seed) for seed in range(n_seeds)] for rho in RHOS
        }
        cells = "".join(f"{mean_and_error(values):>18s}" for values in errors[name].values())
        print(f"{name:18s}{width:6d}{size:12,d}{cells}", flush=True)
    print("\nerror beyond that of rho 1, of the same seed")
    for name, by_rho in errors.items():
        print(f"{name:36s}" + "".join(f"{mean_and_error(beyond(by_rho, rho)):>18s}" for rho in RHOS))
    print("\nthat of HardSharing less that of the architecture, of the same seed: above 0 it degrades less")
    for name, by_rho in errors.items():
        cells = [
            [a - b for a, b in zip(beyond(errors["HardSharing"], rho), beyond(by_rho, rho), strict=True)]
            for rho in RHOS
        ]
        print(f"{name:36s}" + "".join(f"{mean_and_error(values):>18s}" for values in cells))
    if plot:
        draw(errors, plot)
    return {"setting": asdict(setting), "widths_and_parameters": widths, "errors": errors}


def beyond(by_rho: Mapping[float, Sequence[float]], rho: float) -> list[float]:
    return [a - b for a, b in zip(by_rho[rho], by_rho[1.0], strict=True)]


def standard_error(values: Sequence[float]) -> float:
    return statistics.stdev(values) / len(values) ** 0.5 if len(values) > 1 else float("nan")


def mean_and_error(values: Sequence[float]) -> str:
    return f"{statistics.mean(values):.4f} ({standard_error(values):.4f})"


def draw(errors: Errors, path: str) -> None:
    """Draw error against correlation."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for name, by_rho in errors.items():
        means = [statistics.mean(values) for values in by_rho.values()]
        spread = [standard_error(values) for values in by_rho.values()]
        axes.errorbar(list(by_rho), means, spread, label=name, marker="o", capsize=3)
    axes.invert_xaxis()
    axes.set(xlabel="correlation of the tasks", ylabel="test MSE / variance")
    axes.legend()
    figure.savefig(path, dpi=150)
