"""
==========================================
One network, or one model for each task?
==========================================

This is what ``make demo`` runs. It shows a case where one network for all tasks is clearly better than a model for
each task, and a case where it is not. Then it does the main job: a search over task weights, the
Pareto front, a saved model, and predictions.
"""

# %%
# Many tasks, few labels of each
# ------------------------------
# The rows are scikit-learn's 1,797 handwritten digits, of 8 x 8 pixels. The tasks are six questions about an
# image. Each question has been answered for some of the 900 training images only, and for different images than
# the other questions. The other 897 images are the test set.
import sys
import warnings
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from rich.progress import track
from sklearn.datasets import load_digits

images, digits = load_digits(return_X_y=True)
questions = {
    "even": [0, 2, 4, 6, 8],
    "above four": [5, 6, 7, 8, 9],
    "prime": [2, 3, 5, 7],
    "square": [0, 1, 4, 9],
    "with a loop": [0, 6, 8, 9],
    "only straight lines": [1, 4, 7],
}
answers = pd.DataFrame({q: np.isin(digits, yes) for q, yes in questions.items()})
n_train = 900


def split(n_answers, seed):
    """Return training and test rows, and training labels of which most are missing."""
    rng = np.random.default_rng(seed)
    rows = rng.permutation(len(images))
    train, test = rows[:n_train], rows[n_train:]
    y = answers.iloc[train].astype(float).reset_index(drop=True)
    for question in y:
        y.loc[rng.permutation(n_train)[n_answers:], question] = np.nan
    return train, test, y


# %%
# The contenders are three usual models, fitted once for each question to the images that have an answer, and a
# small ensemble of networks. The networks are trained twice: with a shared trunk, and with a trunk of its own for
# each question (``architecture="independent"``), so that only sharing differs. All settings are
# defaults, except that an ensemble has two members.
from sklearn.ensemble import HistGradientBoostingClassifier, RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from sklearn_mtl import MultiTaskNetEstimator, MultiTaskNetRegressor

per_task = {
    "random forest": RandomForestClassifier(random_state=0),
    "gradient boosting": HistGradientBoostingClassifier(random_state=0),
    "logistic regression": make_pipeline(
        StandardScaler(), LogisticRegression(max_iter=1000)
    ),
}
tasks = dict.fromkeys(questions, "classification")
networks = {
    "network for each question": MultiTaskNetEstimator(
        tasks, n_members=2, architecture="independent", random_state=0
    ),
    "one network": MultiTaskNetEstimator(tasks, n_members=2, random_state=0),
}


def run(name, n_answers, seed):
    """Return the share of correct answers on the test images, the mean over questions."""
    warnings.simplefilter("ignore")  # with few labels, some classes cannot be held out
    train, test, y = split(n_answers, seed)
    truth = answers.iloc[test]
    if name in networks:
        predicted = networks[name].fit(images[train], y).predict(images[test])
    else:
        predicted = {}
        for question in y:
            known = y[question].notna().to_numpy()
            model = per_task[name].fit(images[train][known], y.loc[known, question])
            predicted[question] = model.predict(images[test])
    right = [np.mean(predicted[q] == truth[q].to_numpy()) for q in questions]
    return {
        "model": name,
        "answers": n_answers,
        "seed": seed,
        "accuracy": np.mean(right),
    }


def in_parallel(function, jobs, description):
    """Run a function on two processes, with a progress bar."""
    runs = Parallel(n_jobs=2, return_as="generator")(
        delayed(function)(*job) for job in jobs
    )
    quiet = not sys.stdout.isatty()
    return pd.DataFrame(track(runs, description, total=len(jobs), disable=quiet))


sizes, seeds = [60, 200, 900], range(4)
jobs = [(name, n, s) for n in sizes for s in seeds for name in [*per_task, *networks]]
found = in_parallel(run, jobs, "six questions")

# %%
# Share of correct answers in percent, the mean and the standard error of four divisions into training and test
# images:
scores = 100 * found.pivot_table(
    index="model", columns="answers", values="accuracy", aggfunc=["mean", "sem"]
)
scores = scores.loc[[*per_task, *networks]]
table = pd.DataFrame(
    {
        f"{n} answers": [
            f"{mean:.1f} ± {error:.1f}"
            for mean, error in zip(scores["mean", n], scores["sem", n], strict=True)
        ]
        for n in sizes
    },
    index=scores.index.rename(None),
)
print("correct answers in percent; answers known for each question, of 900 images:")
print(table.to_string())

# %%
# One network learns from the answers to all questions, and each of the others from the answers to one. With few
# answers this is a large gain. If every answer is known, each question has 900 labels, and the gain is small.
#
# Two reasons can be told apart by the rows "network for each question" and "one network": they differ in sharing
# alone.
#
# Two tasks, all labels
# ---------------------
# The rows are 442 patients with diabetes. The targets are two numbers, the progression of the disease and the
# blood pressure, and both are known for all patients. Each task has all the labels that there are, so a second
# task can add little. The inputs are a small table, and the targets are nearly linear in them.
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

patients, progression = load_diabetes(return_X_y=True, as_frame=True)
both = pd.DataFrame({"progression": progression, "pressure": patients.pop("bp")})
regressors = {
    "random forest": RandomForestRegressor(random_state=0),
    "gradient boosting": HistGradientBoostingRegressor(random_state=0),
    "ridge regression": RidgeCV(alphas=np.logspace(-3, 3, 13)),
}


def run_patients(name, fold, train, test):
    """Return R2 on the patients of a fold, the mean over both tasks."""
    if name == "one network":
        net = MultiTaskNetRegressor(n_members=2, random_state=0)
        net.fit(patients.iloc[train], both.iloc[train])
        scores = net.score_tasks(patients.iloc[test], both.iloc[test]).values()
    else:
        scores = [
            regressors[name]
            .fit(patients.iloc[train], both[task].iloc[train])
            .score(patients.iloc[test], both[task].iloc[test])
            for task in both
        ]
    return {"model": name, "fold": fold, "r2": np.mean(list(scores))}


folds = list(KFold(5, shuffle=True, random_state=0).split(patients))
jobs = [
    (name, i, *fold)
    for i, fold in enumerate(folds)
    for name in [*regressors, "one network"]
]
r2 = in_parallel(run_patients, jobs, "diabetes").groupby("model", sort=False)["r2"]
print("diabetes, mean R2 of both targets over five folds:")
for name, values in r2:
    print(f"{name:20}{values.mean():.3f} ± {values.sem():.3f}")

# %%
# Ridge regression is as good here, and simpler. :func:`~sklearn_mtl.model_selection.compare_sharing` measures on
# your own data whether sharing helps, see :doc:`/user_guide/does_sharing_help`.
#
# %%
# The main job
# ------------
# The rows are penguins, the targets two classes and a number: species, sex and body mass. Some labels are missing.
# One network is one artefact for all of them, and its **task weights** are parameters. A search finds the weights
# with single networks, which it trains together as one stack; then an ensemble is fitted with the chosen weights.
import tempfile

from palmerpenguins import load_penguins
from sklearn.model_selection import train_test_split

from sklearn_mtl import load_model, save_model
from sklearn_mtl.inspection import ParetoFrontDisplay
from sklearn_mtl.model_selection import MultiTaskStratifiedKFold, TaskWeightSearchCV

penguins = load_penguins().dropna(subset="bill_length_mm")
X = penguins[["bill_length_mm", "bill_depth_mm", "flipper_length_mm", "island"]]
y = penguins[["species", "sex", "body_mass_g"]]
X_train, X_test, y_train, y_test = train_test_split(
    X, y, test_size=1 / 3, stratify=y["species"], random_state=0
)
single = MultiTaskNetEstimator(
    {"body_mass_g": "regression"},
    n_members=1,
    max_epochs=40,
    early_stopping=False,
    random_state=0,
)
grid = {
    "task_weights__body_mass_g": [0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0],
    "task_weights__sex": [0.3, 1.0, 3.0],
}
cv = MultiTaskStratifiedKFold(3, shuffle=True, random_state=0)
search = TaskWeightSearchCV(single, grid, cv=cv).fit(X_train, y_train)
print(f"{len(search.cv_results_['params'])} candidates; on the Pareto front:")
front = pd.DataFrame(search.pareto_front_)[[f"mean_test_tasks_{task}" for task in y]]
print(front.set_axis(list(y), axis=1).round(3).to_string(index=False))
print("chosen:", search.best_params_)

# %%
# The ensemble is saved without pickle, loaded, and predicts exactly the same:
net = MultiTaskNetEstimator(
    {"body_mass_g": "regression"}, n_members=2, random_state=0
).set_params(**search.best_params_)
net.fit(X_train, y_train)
with tempfile.TemporaryDirectory() as folder:
    file = Path(folder) / "penguins.mtl"
    save_model(net, file)
    loaded = load_model(file)
    print(f"saved: {file.stat().st_size / 1024:.0f} KiB")
assert loaded.predict(X_test).equals(net.predict(X_test))
print("scores on the test birds:")
print(pd.Series(loaded.score_tasks(X_test, y_test)).round(3).to_string())
print("predictions:")
print(loaded.predict(X_test.head(3)).to_string(float_format="{:.0f}".format))

# %%
# The picture
# -----------
styles = {
    "random forest": ("tab:green", "o-"),
    "gradient boosting": ("tab:orange", "s-"),
    "logistic regression": ("tab:brown", "^-"),
    "network for each question": ("0.5", "D--"),
    "one network": ("tab:blue", "o-"),
}


def draw_gain(ax):
    """Draw the scores of the contenders by the number of known answers."""
    for name, (color, style) in styles.items():
        ax.errorbar(
            sizes,
            scores.loc[name, "mean"],
            scores.loc[name, "sem"],
            fmt=style,
            color=color,
            label=name,
            capsize=3,
            linewidth=2.5 if name == "one network" else 1.3,
        )
    ax.set(
        xscale="log",
        xlabel="answers known for each of six questions",
        ylabel="correct on test images (%)",
        title="Many tasks, few labels: sharing gains",
    )
    ax.set_xticks(sizes, sizes)
    ax.minorticks_off()
    ax.legend(frameon=False, loc="lower right")
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(color="0.92")
    ax.set_axisbelow(True)


figure, (left, right) = plt.subplots(
    1, 2, figsize=(11, 4.4), layout="constrained", width_ratios=(1.25, 1)
)
draw_gain(left)
means, errors = r2.mean(), r2.sem()
colors = ["tab:green", "tab:orange", "tab:brown", "tab:blue"]
for place, (name, color) in enumerate(zip(means.index, colors, strict=True)):
    right.errorbar(
        means[name], -place, xerr=errors[name], fmt="o", color=color, capsize=3
    )
right.set_yticks([-place for place in range(len(means))], means.index)
right.set(
    ylim=(-3.5, 0.5),
    xlabel="mean R2 of two targets on test patients",
    title="Two tasks, all labels: no gain",
)
right.spines[["top", "right"]].set_visible(False)
right.grid(color="0.92")
right.set_axisbelow(True)
folder = Path("demo_output")
folder.mkdir(exist_ok=True)
picture = folder / "one_network_or_many.png"
figure.savefig(picture, dpi=150)
print(f"picture: {picture}")

# %%
# The front of the search, with the chosen candidate:
display = ParetoFrontDisplay.from_search(search)
display.figure_.suptitle("Penguins: 21 sets of task weights")
plt.show()
