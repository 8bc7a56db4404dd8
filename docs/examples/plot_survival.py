"""
===========================================
Times until an event, some of them censored
===========================================

After an operation most deaths are early; with a drug the risk is small at first and grows. How likely is a patient
to live for some time with each treatment, when many are still alive at the end of the study? And does a blood
value, known for all patients, help where few have been followed?

The data is made, so the true curves are known.
"""

# %%
# The data
# --------
# Times have Weibull distributions whose shape depends on the treatment, so the two hazards are not proportional.
# Severity, to which many measurements contribute, shortens them all. Patients are observed until the end of the
# study, which is random. The time of a patient who was not followed is NaN, a missing label.
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd

from sklearn_mtl import MultiTaskNetEstimator, Targets
from sklearn_mtl.metrics import integrated_brier_score
from sklearn_mtl.tasks import Survival

rng = np.random.default_rng(0)
n_rows, n_train = 3000, 2000
operated = rng.random(n_rows) < 0.5
measured = rng.normal(size=(n_rows, 20))
severity = measured @ rng.normal(size=20) / np.sqrt(20)
shape, scale = np.where(operated, 0.7, 2.5), 3.0 * np.exp(-0.5 * severity)
life, end = scale * rng.weibull(shape), rng.exponential(6.0, size=n_rows)
X = (
    pd.DataFrame(measured)
    .add_prefix("measured_")
    .assign(operated=operated.astype(float))
)
death = np.column_stack([np.minimum(life, end), life <= end])
blood = severity + 0.3 * rng.normal(size=n_rows)
train, test = np.arange(n_rows) < n_train, np.arange(n_rows) >= n_train
print(f"{1 - death[:, 1].mean():.0%} of the times are censored")

# %%
# Curves that cross
# -----------------
# Cox's model shares one baseline between all patients, so its curves cannot cross. Discrete hazards have no such
# constraint. The lines are means over the test patients of each treatment.
times = np.linspace(0.05, 8, 60)
truth = np.exp(-((times / scale[:, None]) ** shape[:, None]))
models = {
    loss: MultiTaskNetEstimator(
        tasks={"death": Survival(loss=loss)}, random_state=0
    ).fit(X[train], {"death": death[train]})
    for loss in ("cox", "discrete_time")
}
curves = {
    name: net.predict_survival_function(X[test], times)["death"]
    for name, net in models.items()
}
scored = pd.DataFrame(
    {
        name: {
            "concordance": models[name].score(X[test], {"death": death[test]}),
            "integrated Brier score": integrated_brier_score(
                death[train], death[test], curve, times
            ),
            "distance from the true curves": np.abs(curve - truth[test]).mean(),
        }
        for name, curve in curves.items()
    }
)
print(scored.round(3).to_string())

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 4.2), layout="constrained", sharey=True)
for ax, (name, curve) in zip(axes, curves.items(), strict=True):
    for which, color, label in (
        (operated[test], "tab:red", "operation"),
        (~operated[test], "tab:blue", "drug"),
    ):
        ax.plot(
            times,
            truth[test][which].mean(axis=0),
            ":",
            color=color,
            label=f"{label}, true",
        )
        ax.plot(times, curve[which].mean(axis=0), color=color, label=label)
    ax.set(title=f'loss="{name}"', xlabel="years", ylim=(0, 1))
    ax.spines[["top", "right"]].set_visible(False)
    ax.grid(axis="y", color="0.92")
axes[0].set(ylabel="probability of survival")
axes[1].legend(frameon=False)
plt.show()

# %%
# Few patients who were followed
# ------------------------------
# Now the time is known of few patients, and the blood value of all. It is no input, because it is not known when
# predicting; it is a second task, whose labels train the layers that both share.
rows = []
for share in (0.05, 0.2, 1.0):
    for seed in range(3):
        known = np.random.default_rng(seed).random(n_train) < share
        partly = np.where(known[:, None], death[train], np.nan)
        for name, more in (("alone", {}), ("beside blood", {"blood": blood[train]})):
            net = MultiTaskNetEstimator(
                tasks={"death": "survival"},
                n_members=2,
                batch_size=128,
                learning_rate=3e-3,
                max_epochs=30,
                random_state=seed,
            )
            net.fit(X[train], Targets({"death": partly, **more}))
            scores = net.score_tasks(
                X[test], {"death": death[test], "blood": blood[test]}
            )
            rows.append((f"{share:.0%} followed", name, scores["death"]))
table = pd.DataFrame(rows, columns=["patients", "learned", "concordance"])
print(
    table.pivot_table(
        index="patients", columns="learned", values="concordance", sort=False
    )
    .round(3)
    .to_string()
)

# %%
# The blood value says what the measurements tell about the severity, so it helps where few patients were followed.
# No model reaches a concordance of 1, because the time of a single patient is random.
