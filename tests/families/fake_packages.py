"""Packages that look like tabpfn 9 and tabicl 2 from outside: their constructors, and what they do without weights."""

from pathlib import Path

TABPFN = """
from pathlib import Path
from urllib.request import urlopen

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor


class _Model(BaseEstimator):
    def __init__(
        self, *, n_estimators="auto", categorical_features_indices=None, softmax_temperature="auto",
        average_before_softmax=False, model_path="auto", device="auto", ignore_pretraining_limits=False,
        inference_precision="auto", fit_mode="fit_preprocessors", memory_saving_mode="auto", random_state=0,
        n_preprocessing_jobs=1, inference_config=None, show_progress_bar=False,
    ):
        self.__dict__.update({k: v for k, v in locals().items() if k not in ("self", "__class__")})

    def fit(self, X, y):
        if not Path(self.model_path).exists():
            urlopen("https://huggingface.co")
        self.inner_ = self.kind(categorical_features=self.categorical_features_indices, max_iter=5).fit(X, y)
        return self

    def predict(self, X):
        return self.inner_.predict(X)


class TabPFNClassifier(ClassifierMixin, _Model):
    kind = HistGradientBoostingClassifier

    @property
    def classes_(self):
        return self.inner_.classes_

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


class TabPFNRegressor(RegressorMixin, _Model):
    kind = HistGradientBoostingRegressor
"""

TABICL = """
from pathlib import Path
from urllib.request import urlopen

from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.linear_model import LogisticRegression, Ridge


class _Model(BaseEstimator):
    def fit(self, X, y):
        if not Path(self.model_path).exists() and self.allow_auto_download:
            urlopen("https://huggingface.co")
        self.inner_ = self.kind().fit(X, y)  # which takes no missing cells
        return self

    def predict(self, X):
        return self.inner_.predict(X)


class TabICLClassifier(ClassifierMixin, _Model):
    kind = LogisticRegression

    def __init__(
        self, n_estimators=8, norm_methods=None, feat_shuffle_method="latin", class_shuffle_method="shift",
        outlier_threshold=4.0, softmax_temperature=0.9, average_logits=True, support_many_classes=True, batch_size=8,
        model_path=None, allow_auto_download=True, checkpoint_version="tabicl-classifier-v2-20260212.ckpt",
        device=None, use_amp="auto", offload_mode="auto", random_state=42, n_jobs=None, verbose=False,
        inference_config=None,
    ):
        self.__dict__.update({k: v for k, v in locals().items() if k not in ("self", "__class__")})

    @property
    def classes_(self):
        return self.inner_.classes_

    def predict_proba(self, X):
        return self.inner_.predict_proba(X)


class TabICLRegressor(RegressorMixin, _Model):
    kind = Ridge

    def __init__(
        self, n_estimators=8, norm_methods=None, feat_shuffle_method="latin", outlier_threshold=4.0, batch_size=8,
        model_path=None, allow_auto_download=True, checkpoint_version="tabicl-regressor-v2-20260212.ckpt",
        device=None, use_amp="auto", offload_mode="auto", random_state=42, n_jobs=None, verbose=False,
        inference_config=None,
    ):
        self.__dict__.update({k: v for k, v in locals().items() if k not in ("self", "__class__")})
"""


def write_packages(folder: Path, *, tabpfn: str = "9.2.0", tabicl: str = "2.2.0") -> None:
    """Put both into a folder, as importable modules and as installations with a version."""
    for name, source, version in (("tabpfn", TABPFN, tabpfn), ("tabicl", TABICL, tabicl)):
        (folder / f"{name}.py").write_text(source, encoding="utf-8")
        information = folder / f"{name}-{version}.dist-info"
        information.mkdir()
        information.joinpath("METADATA").write_text(f"Name: {name}\nVersion: {version}\n", encoding="utf-8")


def write_weights(folder: Path) -> None:
    """Put files into a folder that are named like weights and are empty."""
    for kind in ("classifier", "regressor"):
        (folder / f"tabicl-{kind}-v2-20260212.ckpt").touch()
        (folder / f"tabpfn-v2.6-{kind}-v2.6_default.ckpt").touch()
