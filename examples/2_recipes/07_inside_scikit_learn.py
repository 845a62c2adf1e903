"""Inside scikit-learn
======================

Claim: the estimator is a scikit-learn citizen: it can be searched over, piped, cloned and pickled.

``memory`` keeps probe and trials, so that a grid search does not pay twice for the same candidate on the same rows.
"""

import pickle
import tempfile

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from autoarch import AutoArchClassifier
from autoarch.datasets import load_digits_scrambled

X, y = load_digits_scrambled()
X, y = X[:400], y[:400]

with tempfile.TemporaryDirectory() as folder:
    clf = AutoArchClassifier(time_budget=None, n_trials=2, random_state=0, verbose=0, memory=folder)
    pipeline = make_pipeline(StandardScaler(), clf)
    choices = {"autoarchclassifier__families": ["linear", "tree"]}
    search = GridSearchCV(pipeline, choices, cv=3).fit(X, y)

for choice, score in zip(search.cv_results_["params"], search.cv_results_["mean_test_score"], strict=True):
    print(f"{choice['autoarchclassifier__families']}: {score:.3f}")

plt.figure(figsize=(4, 3), layout="constrained")
plt.bar(choices["autoarchclassifier__families"], search.cv_results_["mean_test_score"], color="#1f6f8b")
plt.ylabel("accuracy, three folds")
plt.show()

revived = pickle.loads(pickle.dumps(search.best_estimator_))
np.testing.assert_array_equal(revived.predict_proba(X), search.best_estimator_.predict_proba(X))
assert search.best_score_ > 0.85
