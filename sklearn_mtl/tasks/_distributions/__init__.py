"""What the outputs of a task mean, if a label has several: the parameters of a distribution, or quantiles."""

from ._family import Distribution, Family
from ._location_scale import Laplace, LogNormal, Normal, StudentT
from ._mixture import NormalMixture
from ._negative_binomial import NegativeBinomial
from ._predicted import PredictedDistribution
from ._quantiles import Quantiles

__all__ = [
    "Distribution",
    "Family",
    "Laplace",
    "LogNormal",
    "NegativeBinomial",
    "Normal",
    "NormalMixture",
    "PredictedDistribution",
    "Quantiles",
    "StudentT",
]
