"""
==========================================
Penguins: from real rows to a saved model
==========================================

The Palmer Penguins [1]_ are 344 birds of three species, measured on three islands. Some measurements are missing,
and so is the sex of eleven birds. One network learns three targets of each bird: **species** and **sex**, which
are classes, and **body mass**, which is a number.

The example covers rows with missing values, a pipeline, a search over task weights, scores on test birds, a file
on disk, and learning curves.
"""

# %%
# The rows
# --------
# The inputs are three measurements and the island, which is text. The targets are in a separate frame. Missing
# labels stay missing: a bird without a sex still trains species and mass.
import tempfile
from pathlib import Path

import joblib
import pandas as pd
from palmerpenguins import load_penguins

penguins = load_penguins()
measurements = ["bill_length_mm", "bill_depth_mm", "flipper_length_mm"]
X = penguins[[*measurements, "island"]]
y = penguins[["species", "sex", "body_mass_g"]]

print(f"{len(X)} birds; missing values:")
print(pd.concat([X, y], axis=1).isna().sum().to_string())

# %%
# A third of the birds is the test set. It is used only for the scores at the end.
from sklearn.model_selection import train_test_split

X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y["species"], random_state=0
)

# %%
# The model
# ---------
# As usual in scikit-learn, missing numbers in X are imputed in a pipeline, here by the median. ``set_output``
# keeps the frame, so that ``island`` is a text column, which the network embeds. The network also scales the
# numbers, and infers that species and sex are classes. The type of body mass is stated, because grams are whole
# numbers, which may be classes as well. ``n_members=1`` trains one network; without it, a table gets a portfolio,
# see :ref:`sphx_glr_auto_examples_plot_portfolio.py`.
from sklearn.compose import make_column_transformer
from sklearn.impute import SimpleImputer
from sklearn.pipeline import Pipeline

from sklearn_mtl import MultiTaskNetEstimator


def make_model(targets):
    impute = make_column_transformer(
        (SimpleImputer(strategy="median"), measurements),
        remainder="passthrough",
        verbose_feature_names_out=False,
    )
    tasks = {"body_mass_g": "regression"} if "body_mass_g" in targets else None
    net = MultiTaskNetEstimator(
        tasks, n_members=1, max_epochs=40, early_stopping=False, random_state=0
    )
    steps = [("impute", impute), ("estimator", net)]
    return Pipeline(steps).set_output(transform="pandas")


model = make_model(y.columns)
model

# %%
# The search
# ----------
# The objective is the sum of the three losses, each times its task weight. The weights are searched like any other
# parameter, **by the name of the task**. A weight that is not set is 1.
#
# :func:`~sklearn_mtl.metrics.multitask_scorer` computes every metric of every task with one prediction; the search
# selects the candidate with the best ``score``, the mean of accuracy, accuracy and R².
# :class:`~sklearn_mtl.model_selection.MultiTaskStratifiedKFold` gives every fold about the same share of each
# species, each sex and each range of body mass; an integer ``cv`` would split the rows into consecutive blocks.
from sklearn.model_selection import GridSearchCV

from sklearn_mtl.metrics import multitask_scorer
from sklearn_mtl.model_selection import MultiTaskStratifiedKFold

grid = {
    "estimator__task_weights__sex": [1.0, 3.0],
    "estimator__task_weights__body_mass_g": [0.3, 1.0, 3.0],
}
search = GridSearchCV(
    model,
    grid,
    scoring=multitask_scorer,
    refit="score",
    cv=MultiTaskStratifiedKFold(3, shuffle=True, random_state=0),
    n_jobs=2,
)
search.fit(X_train, y_train)

columns = {
    "param_estimator__task_weights__sex": "weight of sex",
    "param_estimator__task_weights__body_mass_g": "weight of mass",
    "mean_test_species_accuracy": "species",
    "mean_test_sex_accuracy": "sex",
    "mean_test_body_mass_g_r2": "body mass",
    "mean_test_score": "mean",
}
candidates = pd.DataFrame(search.cv_results_)[list(columns)].rename(columns=columns)
print("cross-validated scores of the candidates:")
print(candidates.round(3).to_string(index=False))
for name, value in search.best_params_.items():
    print(f"chosen: {name.removeprefix('estimator__')} = {value}")

# %%
# The candidates are close: on these data the weights hardly matter. In the next example,
# :ref:`sphx_glr_auto_examples_plot_missing_labels.py`, they do.
#
# Scores on the test birds
# ------------------------
# The network is compared with two baselines. A **dummy** predicts the most frequent class or the mean. **One net
# per task** is the same pipeline fitted three times, each time with one target, so that nothing is shared.
from sklearn.dummy import DummyClassifier, DummyRegressor

multi = multitask_scorer(search, X_test, y_test)
metrics = {"species": "accuracy", "sex": "accuracy", "body_mass_g": "r2"}

rows = {}
for task, metric in metrics.items():
    labelled_train, labelled_test = y_train[task].notna(), y_test[task].notna()
    dummy = DummyRegressor() if metric == "r2" else DummyClassifier()
    dummy.fit(X_train[labelled_train], y_train.loc[labelled_train, task])
    alone = make_model([task]).fit(X_train, y_train[task])
    rows[task] = {
        "metric": metric,
        "test labels": labelled_test.sum(),
        "dummy": dummy.score(X_test[labelled_test], y_test.loc[labelled_test, task]),
        "net per task": alone.score(X_test, y_test[task]),
        "one net": multi[f"{task}_{metric}"],
    }
print("scores on the test birds:")
print(pd.DataFrame(rows).T.to_string(float_format="{:.3f}".format))
error = -multi["body_mass_g_neg_mean_absolute_error"]
print(f"mean absolute error of the body mass: {error:.0f} g")

# %%
# One network replaces three. With about a hundred test birds, one bird is one point of accuracy, so differences of
# a point or two between the last two columns are not significant.
#
# Predictions have the same type as y, here a frame with the index of X:
print("predictions:")
print(search.predict(X_test.head(4)).to_string(float_format="{:.0f}".format))

# %%
# Probabilities are per task, with columns in the order of ``classes_``.
net = search.best_estimator_["estimator"]
probabilities = search.predict_proba(X_test.head(4))
print("probabilities of the species:")
species = pd.DataFrame(probabilities["species"], columns=net.classes_["species"])
print(species.round(3).to_string(index=False))

# %%
# Save and load
# -------------
# The whole pipeline is one file. Load only files that you trust: joblib's format can run code.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "penguins.joblib"
    joblib.dump(search.best_estimator_, path)
    loaded = joblib.load(path)
    size = path.stat().st_size

assert loaded.predict(X_test).equals(search.predict(X_test))
print(f"saved {size / 1024:.0f} KiB; the loaded model predicts exactly the same")

# %%
# Learning curves
# ---------------
# The final model is trained once more with validation rows, to show the learning curve of each task. Species is
# learned in a few epochs; the measurements determine sex and body mass only in part. Training stops when the mean
# validation loss has not improved for ten epochs, and the best epoch, the dotted line, is restored.
import matplotlib.pyplot as plt

from sklearn_mtl.inspection import LearningHistoryDisplay

watched = make_model(y.columns).set_params(
    **search.best_params_,
    estimator__max_epochs=100,
    estimator__early_stopping=True,
    estimator__validation=0.2,
)
watched.fit(X_train, y_train)
display = LearningHistoryDisplay.from_estimator(watched["estimator"])
best_epoch = watched["estimator"].history_["valid_loss"].idxmin()
for ax in display.axes_:
    ax.axvline(best_epoch, color="0.6", linewidth=1, linestyle=":")
title = f"Palmer Penguins: one network, three tasks; epoch {best_epoch} is kept"
display.figure_.suptitle(title)

folder = Path("demo_output")
folder.mkdir(exist_ok=True)
picture = folder / "penguins_learning_curves.png"
display.figure_.savefig(picture, dpi=150)
print(f"picture: {picture}")
plt.show()

# %%
# References
# ----------
# .. [1] Horst, Hill and Gorman, "palmerpenguins: Palmer Archipelago (Antarctica) Penguin Data", R package, 2020.
