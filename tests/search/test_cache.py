"""What tells cached results apart."""

import numpy as np
from sklearn.metrics import accuracy_score, make_scorer

from autoarch._search.memory import as_memory, scorer_key


def test_scorers_that_differ_have_different_keys():
    """Names, functions, their code and their settings count; what cannot be told apart is not kept."""
    first = make_scorer(lambda truth, guess: np.mean(truth == guess))
    second = make_scorer(lambda truth, guess: -np.mean(truth == guess))
    keys = ["accuracy", first, second, make_scorer(accuracy_score), make_scorer(accuracy_score, normalize=False)]
    assert len({str(scorer_key(key)) for key in keys}) == len(keys)
    offset = 3.0
    assert scorer_key(lambda est, X, y: offset) is None


def test_a_memory_is_as_silent_as_its_user(tmp_path, capsys):
    """A Memory that talks is used for its place alone."""
    import joblib

    memory = as_memory(joblib.Memory(tmp_path, verbose=10))
    memory.cache(abs)(-3)
    assert capsys.readouterr() == ("", "")
    assert as_memory(None) is None
