"""How the members of an ensemble relate to each other."""

from __future__ import annotations

from sklearn.base import BaseEstimator


class Ensemble(BaseEstimator):
    """Base class of kinds of ensembles; their size is ``n_members`` of the estimator."""

    #: whether the members share the weights of the layers that the tasks share
    shares_weights: bool = False


class DeepEnsemble(Ensemble):
    """Members that are independent of each other [1]_.

    Each member has its own initial weights, order of rows and dropout, and holds out different rows for early
    stopping. All members stop at the epoch with the best mean over members.

    Parameters
    ----------
    bootstrap : bool, default=False
        Whether each member trains on rows that are drawn with replacement for it.

    References
    ----------
    .. [1] Lakshminarayanan, Pritzel and Blundell, "Simple and Scalable Predictive Uncertainty Estimation using
       Deep Ensembles", NeurIPS 2017.

    Examples
    --------
    >>> from sklearn_mtl import DeepEnsemble, MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(n_members=4, ensemble=DeepEnsemble(bootstrap=True))
    MultiTaskNetEstimator(ensemble=DeepEnsemble(bootstrap=True), n_members=4)
    """

    _parameter_constraints: dict = {"bootstrap": ["boolean"]}

    def __init__(self, bootstrap: bool = False) -> None:
        self.bootstrap = bootstrap


class BatchEnsemble(Ensemble):
    """Members that share the weights of the layers that the tasks share [1]_ [2]_.

    Each member has its own biases and heads, and its own factors for the inputs and outputs of every shared layer.
    The members are trained as one network on the mean of their losses, with the same batches and held-out rows.
    The model of 8 members is a quarter to a third larger than that of one.

    References
    ----------
    .. [1] Wen, Tran and Ba, "BatchEnsemble: An Alternative Approach to Efficient Ensemble and Lifelong Learning",
       ICLR 2020.
    .. [2] Gorishniy, Kotelnikov and Babenko, "TabM: Advancing Tabular Deep Learning with Parameter-Efficient
       Ensembling", ICLR 2025.

    Examples
    --------
    >>> from sklearn_mtl import BatchEnsemble, MultiTaskNetEstimator
    >>> MultiTaskNetEstimator(n_members=4, ensemble=BatchEnsemble())
    MultiTaskNetEstimator(ensemble=BatchEnsemble(), n_members=4)
    """

    shares_weights = True
