"""What is not trusted runs no code: names in pages, files of weights, models of the command line, the cache."""

import errno
import os
import pickle
import stat
import zipfile

import numpy as np
import pandas as pd
import pytest

from autoarch import AutoArchClassifier
from autoarch._search.memory import as_memory
from autoarch._search.private_store import PrivateStore
from autoarch.cli.main import main
from autoarch.exceptions import AutoArchWarning, InputError
from autoarch.explain import explain
from autoarch.transfer import load_pretrained

SCRIPT = "<script>alert(1)</script>"
RNG = np.random.default_rng(0)
QUICK = {"time_budget": None, "n_trials": 1, "families": "linear", "random_state": 0, "verbose": 0}


class Evil:
    """Creates a file where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return open, (str(self.path), "w")


def data(n=60):
    """Columns and labels with names that a page would run."""
    X = pd.DataFrame(RNG.normal(size=(n, 4)), columns=[f"{SCRIPT}{i}" for i in range(4)])
    return X.assign(**{f"{SCRIPT}4": RNG.choice([SCRIPT, "other"], n)}), np.where(X.iloc[:, 0] > 0, SCRIPT, "plain")


def test_names_of_columns_and_classes_are_escaped(tmp_path):
    """In the report of the probe, in explanations, and in the page that the command line writes."""
    X, y = data()
    model = AutoArchClassifier(**QUICK).fit(X, y)
    (tmp_path / "model.joblib").write_bytes(pickle.dumps(model))
    assert main(["report", str(tmp_path / "model.joblib"), "--trust", "--html", str(tmp_path / "page.html")]) == 0
    pages = [model.locality_._repr_html_(), explain(model, X[:12])._repr_html_(), (tmp_path / "page.html").read_text()]
    assert all("<script>alert" not in page for page in pages)
    assert "&lt;script" in pages[1]


def test_the_command_line_unpickles_only_what_is_trusted(tmp_path, capsys):
    """Neither as a model nor as data."""
    for name, arguments in [("evil.joblib", ["report"]), ("evil.joblib", ["predict", "evil.npy"])]:
        (tmp_path / name).write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
        assert main([arguments[0], str(tmp_path / name), *arguments[1:]]) == 2
        assert "--trust" in capsys.readouterr().err
    np.save(tmp_path / "evil.npy", np.array([Evil(tmp_path / "ran")], dtype=object), allow_pickle=True)
    assert main(["probe", str(tmp_path / "evil.npy")]) == 2
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("wrong", ["pickle", "packed", "outside"])
def test_weights_are_read_without_code_and_archives_are_looked_at_first(tmp_path, wrong):
    """A pickle, members that unpack to more than the file, and names outside of it are refused."""
    path = tmp_path / "net.pt"
    if wrong == "pickle":
        path.write_bytes(pickle.dumps(Evil(tmp_path / "ran")))
    else:
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("net/data.pkl", pickle.dumps({}))
            archive.writestr(
                "../data/0" if wrong == "outside" else "net/data/0", bytes(10**6 if wrong == "packed" else 8)
            )
    with pytest.raises(InputError, match="run any code" if wrong == "pickle" else "no archive that torch has written"):
        load_pretrained(path)
    assert not (tmp_path / "ran").exists()


def test_the_cache_is_private(tmp_path):
    """Files of mode 0600 in folders of mode 0700, those above the cache left alone."""
    folder = tmp_path / "made" / "cache"
    X, y = data()
    AutoArchClassifier(**QUICK, memory=str(folder)).fit(X, y)
    modes = {path: stat.S_IMODE(path.stat().st_mode) for path in [folder, *folder.rglob("*")]}
    assert any(path.name == "output.pkl" for path in modes)
    assert {mode for path, mode in modes.items() if path.is_dir()} == {0o700}
    assert {mode for path, mode in modes.items() if path.is_file()} == {0o600}


def test_a_cache_that_others_may_write_is_warned_about(tmp_path):
    """Its pickles may be theirs."""
    (tmp_path / "joblib").mkdir()
    os.chmod(tmp_path / "joblib", 0o777)
    with pytest.warns(AutoArchWarning, match="others may write"):
        assert as_memory(str(tmp_path)) is not None


def test_a_cache_that_cannot_be_written_is_a_warning(tmp_path, monkeypatch):
    """A folder that refuses files, or a disk that is full: the fit goes on without."""

    def refused(path, mode):
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(PrivateStore, "_open_item", staticmethod(refused))
    with pytest.warns(AutoArchWarning, match="cannot be written"):
        assert as_memory(str(tmp_path / "refused")) is None

    def full(path, mode):
        if "output" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        return open(path, mode)

    monkeypatch.setattr(PrivateStore, "_open_item", staticmethod(full))
    X, y = data()
    with pytest.warns(AutoArchWarning, match="No space left"):
        model = AutoArchClassifier(**QUICK, memory=str(tmp_path / "cache")).fit(X, y)
    assert model.best_family_ == "linear"
