"""Threads that predict while another thread refits the same estimator."""

import threading
from collections import Counter

from sklearn_mtl.trunks import MLP

from .._helpers import inputs
from ._fits import X, Y, small

N_THREADS = 8
N_MODELS = 6


def predict_during_refits(scale):
    """Predict 1,000 times in each of 8 threads while a ninth one refits: every answer is exactly one model's."""
    trials = max(1, round(1000 * scale))
    rows = [inputs(200, seed=seed) for seed in range(N_THREADS)]
    net = small(trunk=MLP((32, 16), dropout=0.2), early_stopping=True)
    # the predictions of each model, from undisturbed fits
    models = [_said(net.set_params(random_state=seed).fit(X, Y), rows) for seed in range(N_MODELS)]
    answers, errors, refits = _ask_and_refit(net, rows, models, trials)
    total = sum(answers, Counter())
    rows_of_table = {
        "threads that predict": N_THREADS,
        "predictions": total.total(),
        "refits by a ninth thread meanwhile": refits,
        "models that the answers came from": len(set(total) - {None}),
        "answers that are exactly one model's": total.total() - total[None],
        "answers that are no model's": total[None],
        "errors": len(errors),
    }
    for what, number in rows_of_table.items():
        print(f"   {what:44}{number:>6}")
    print(*errors[:3], sep="\n")
    return not errors and not total[None] and min(map(Counter.total, answers)) >= trials and len(total) > 1


def _ask_and_refit(estimator, rows, models, trials):
    answers: list[Counter] = [Counter() for _ in rows]
    errors, refits, done = [], [], threading.Event()

    def ask(thread):
        known = {model[thread]: number for number, model in enumerate(models)}
        try:
            while answers[thread].total() < trials or len(refits) <= N_MODELS:
                answers[thread][known.get(_bytes_of(estimator.predict(rows[thread])))] += 1
        except Exception as error:
            errors.append(repr(error))

    def refit():
        try:
            while not done.is_set():
                estimator.set_params(random_state=len(refits) % N_MODELS).fit(X, Y)
                refits.append(1)
        except Exception as error:
            errors.append(repr(error))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(len(rows))]
    ninth = threading.Thread(target=refit)
    for thread in (ninth, *threads):
        thread.start()
    for thread in threads:
        thread.join()
    done.set()
    ninth.join()
    return answers, errors, len(refits)


def _said(estimator, rows):
    return [_bytes_of(estimator.predict(part)) for part in rows]


def _bytes_of(predictions):
    """Return predictions as bytes, to be compared bit for bit."""
    return tuple(
        values.astype(str).tobytes() if values.dtype == object else values.tobytes()
        for values in predictions.values()
    )
