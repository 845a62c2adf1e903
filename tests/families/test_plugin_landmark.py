"""A family that is installed as a plug-in takes part in the probe with a landmark of its own."""

import os
import subprocess
import sys
from pathlib import Path

PLUGIN = """
from sklearn.naive_bayes import GaussianNB

from autoarch.families import Family
from autoarch.families.landmarks import model_losses


class Bayes(Family):
    name = "bayes"
    title, landmark_title = "naive Bayes", "Gaussian naive Bayes"
    prior_odds = (0.05, 0.05, 0.1)

    def landmark(self, sample, check):
        return {self.name: model_losses(GaussianNB(), sample, check)}

    def landmark_seconds(self, sample):
        return 0.1

    def suggest(self, trial, problem):
        return {}

    def build(self, params, problem, seed):
        return [("model", GaussianNB())]


class Broken(Bayes):
    name, title, landmark_title = "broken", "a broken model", "a broken landmark"

    def landmark(self, sample, check):
        raise ArithmeticError("no such luck")
"""

PROBE = """
import numpy as np
from autoarch import probe_locality

rng = np.random.default_rng(0)
y = np.arange(28) % 2  # too few rows for landmarks that need torch, whose import takes seconds
report = probe_locality(rng.normal(size=(28, 6)) + 2 * y[:, None], y, random_state=0)
print(report.landmarks["bayes"].score > 0.8, "bayes" in report.family_probabilities)
print(any(reason == "broken: ArithmeticError: no such luck" for reason in report.skipped))
print("Gaussian naive Bayes" in str(report))
"""


def test_an_installed_family_brings_its_landmark(tmp_path):
    """The probe runs it, gives it a chance and names it in the report; one that raises is left out with its reason."""
    (tmp_path / "bayes_plugin.py").write_text(PLUGIN, encoding="utf-8")
    information = tmp_path / "bayes_plugin-1.0.dist-info"
    information.mkdir()
    (information / "METADATA").write_text("Name: bayes_plugin\nVersion: 1.0\n", encoding="utf-8")
    entries = "[autoarch.families]\nbayes = bayes_plugin:Bayes\nbroken = bayes_plugin:Broken\n"
    (information / "entry_points.txt").write_text(entries, encoding="utf-8")
    package = str(Path(__file__).resolve().parents[2])
    path = os.pathsep.join([str(tmp_path), package, os.environ.get("PYTHONPATH", "")])

    answer = subprocess.run(
        [sys.executable, "-c", PROBE],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout.split() == ["True"] * 4
