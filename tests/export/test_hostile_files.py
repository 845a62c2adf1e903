"""Whatever a file holds, it is refused with a reason, and nothing of it is executed."""

import hashlib
import json
import pickle
import zipfile

import joblib
import pytest
from quick import quick
from sklearn.naive_bayes import GaussianNB

import autoarch
from autoarch import AutoArchClassifier, AutoArchRegressor
from autoarch._export import archive
from autoarch.exceptions import AutoArchWarning, ModelFileError
from export.samples import FAMILIES, sample

skops = pytest.importorskip("skops.io", reason="needs the extra files")
pytest.importorskip("safetensors", reason="needs the extra files")


class Evil:
    """Creates a file where it is unpickled."""

    def __reduce__(self):
        return open, ("ran", "w")


class Own(GaussianNB):
    """An estimator that is not trusted."""


@pytest.fixture(scope="module")
def fitted():
    """A model of a table."""
    X, y, _, _ = sample("table")
    return AutoArchClassifier(**quick(families="linear")).fit(X, y)


@pytest.fixture
def file(fitted, tmp_path):
    """Its file."""
    fitted.save(tmp_path / "model.autoarch")
    return tmp_path / "model.autoarch"


def unpacked(path):
    """Parts and contents of a file."""
    with zipfile.ZipFile(path) as zipped:
        parts = {name: zipped.read(name) for name in zipped.namelist()}
    contents = json.loads(parts.pop(archive.CONTENTS))
    del contents["digest"]
    return parts, contents


def packed(path, parts, contents):
    """Write a file whose digests are right."""
    contents = {**contents, "digests": {name: hashlib.sha256(data).hexdigest() for name, data in parts.items()}}
    contents["digest"] = archive._digest(contents)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as zipped:
        for name, data in {archive.CONTENTS: json.dumps(contents).encode(), **parts}.items():
            zipped.writestr(zipfile.ZipInfo(name), data, zipfile.ZIP_DEFLATED)


def raw(change):
    """A file of other bytes."""
    return lambda path: path.write_bytes(change(path.read_bytes()))


def part(name, data):
    """A file with one more part, or with another one, and right digests."""

    def changed(path):
        parts, contents = unpacked(path)
        packed(path, {**parts, name: data}, contents)

    return changed


def contents(**facts):
    """A file with other facts, and right digests."""

    def changed(path):
        parts, known = unpacked(path)
        packed(path, parts, {**known, **facts})

    return changed


def model(change):
    """A file whose JSON was changed and whose digests are right."""

    def changed(path):
        parts, known = unpacked(path)
        tree = json.loads(parts["model.json"])
        change(tree)
        packed(path, {**parts, "model.json": json.dumps(tree).encode()}, known)

    return changed


def winner(kind, name, **more):
    """A file whose winner is something else."""
    node = {"$": kind, "v": name, "id": 90_000, "state": {}, **more}
    return model(lambda tree: tree["state"].update(best_estimator_=node))


def appended(name, times=1):
    """A file with a part that its list does not name."""

    def changed(path):
        with zipfile.ZipFile(path, "a") as zipped:
            for _ in range(times):
                zipped.filelist.append(zipfile.ZipInfo("none"))  # so that zipfile says nothing of two of a name
                zipped.NameToInfo.pop(name, None)
                zipped.filelist.pop()
                zipped.writestr(name, b"{}")

    return changed


def linked(path):
    """A part that is a link to another file."""
    parts, known = unpacked(path)
    packed(path, {**parts, "parts/9.skops": b"/etc/passwd"}, known)
    with zipfile.ZipFile(path) as zipped:
        held = {one: zipped.read(one) for one in zipped.infolist()}
    with zipfile.ZipFile(path, "w") as zipped:
        for one, data in held.items():
            if one.filename == "parts/9.skops":
                one.external_attr = 0o120777 << 16
            zipped.writestr(one, data)


def arrays(header, data=b""):
    """Arrays of which a header says something else than there is."""
    return part("arrays.safetensors", len(header).to_bytes(8, "little") + header + data)


def foreign(path):
    """An archive of somebody else."""
    with zipfile.ZipFile(path, "w") as zipped:
        zipped.writestr("data.pkl", pickle.dumps(Evil()))


def without_parts(path):
    """A list of contents and nothing else."""
    packed(path, {}, {"format": archive.FORMAT, "version": archive.VERSION})


UNKNOWN, UNFIT, NO_PART = "no type that a model file may hold", "do not fit together", "is no part of a model"
HOSTILE = {
    "empty": (raw(lambda data: b""), "is empty"),
    "text": (raw(lambda data: b"hello"), "no file that autoarch has written"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps(Evil())), "is a pickle"),
    "joblib": (lambda path: joblib.dump(Evil(), path), "is a pickle"),
    "compressed joblib": (lambda path: joblib.dump(Evil(), path, compress=3), "is a pickle"),
    "half": (raw(lambda data: data[: len(data) // 2]), "damaged or cut off"),
    "without the last byte": (raw(lambda data: data[:-1]), "damaged or cut off"),
    "first bytes alone": (raw(lambda data: data[:4]), "damaged or cut off"),
    "other bytes inside": (raw(lambda data: data[:900] + bytes(50) + data[950:]), "damaged|changed"),
    "foreign archive": (foreign, "autoarch has not written"),
    "other name of the list": (raw(lambda data: data.replace(b"contents.json", b"contentx.json")), "no list"),
    "pickle inside": (part("data.pkl", pickle.dumps(Evil())), NO_PART),
    "pickle as skops": (part("parts/0.skops", pickle.dumps(Evil())), UNFIT),
    "path outside": (part("../../etc/evil", b""), NO_PART),
    "whole path": (part("/etc/evil", b""), NO_PART),
    "folder": (part("parts/../../evil.skops", b""), NO_PART),
    "two of a name": (appended("model.json"), "two of one name"),
    "not in the list": (appended("parts/77.skops"), "parts are not those of its list"),
    "bomb": (part("parts/99.skops", bytes(2**27)), "far more than models do"),
    "later version": (contents(version=99), "is of version 99"),
    "version as text": (contents(version="1"), "version 1 of the format"),
    "version zero": (contents(version=0), "version 0"),
    "other format": (contents(format="others"), "has not written"),
    "no parts": (without_parts, UNFIT),
    "no JSON": (part("model.json", b"\x00"), UNFIT),
    "a list": (part("model.json", b"[]"), UNFIT),
    "deep JSON": (part("model.json", b"[" * 100_000), UNFIT),
    "no arrays": (part("arrays.safetensors", b"\xff" * 64), UNFIT),
    "huge header": (part("arrays.safetensors", (2**62).to_bytes(8, "little") + b"{}"), UNFIT),
    "arrays beyond their bytes": (arrays(b'{"a0":{"dtype":"F8","shape":[4],"data_offsets":[0,32]}}'), UNFIT),
    "arrays of a huge shape": (
        arrays(b'{"a0":{"dtype":"F64","shape":[4611686018427387904,4],"data_offsets":[0,8]}}', bytes(8)),
        UNFIT,
    ),
    "link": (linked, NO_PART),
    "encrypted": (
        raw(lambda data: data.replace(b"PK\x01\x02\x14\x03\x14\x00\x00", b"PK\x01\x02\x14\x03\x14\x00\x01")),
        NO_PART,
    ),
    "backslashes": (part("..\\evil.skops", b""), NO_PART),
    "another case": (part("MODEL.json", b"{}"), NO_PART),
    "to itself": (
        model(lambda tree: tree["state"].update(best_estimator_={"$": "ref", "v": 90_001, "id": 90_001})),
        UNFIT,
    ),
    "other estimator": (model(lambda tree: tree.update(type="os:system")), "holds a 'os:system'"),
    "system": (winner("object", "os:system"), UNKNOWN),
    "process": (winner("object", "subprocess:Popen"), UNKNOWN),
    "builtin": (winner("type", "builtins:eval"), UNKNOWN),
    "module of ours": (winner("object", "autoarch._core.imports:sys"), UNKNOWN),
    "function of ours": (winner("object", "autoarch._core.imports:require"), UNKNOWN),
    "dotted": (winner("object", "autoarch.testing:np.load"), UNKNOWN),
    "loader of torch": (winner("type", "torch.hub:load"), UNKNOWN),
    "layer that is none": (winner("layer", "sklearn.pipeline:Pipeline"), "as a layer"),
    "net that is none": (winner("net", "sklearn.pipeline:Pipeline", params={}), "as a net"),
    "context of others": (winner("context", "sklearn.pipeline:Pipeline"), "with a context"),
    "unknown kind": (winner("pickle", "gASV"), "does not know"),
    "nowhere": (winner("ref", 12345), UNFIT),
    "method": (model(lambda tree: tree["state"].update(predict=1)), "replace the method 'predict'"),
    "nothing fitted": (model(lambda tree: tree["state"].clear()), UNFIT),
    "wrong parameter": (model(lambda tree: tree["params"].update(nonsense=1)), UNFIT),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_hostile_files_are_refused(file, kind, tmp_path):
    """Each with the reason and the name of the file."""
    change, reason = HOSTILE[kind]
    change(file)
    with pytest.raises(ModelFileError, match=reason) as refusal:
        autoarch.load(file)
    assert str(file) in str(refusal.value)
    assert not (tmp_path / "ran").exists()


def test_skops_inside_a_file_builds_trusted_types_alone(file):
    """A type of somebody's is refused before it is imported."""
    part("parts/0.skops", skops.dumps(Own()))(file)
    with pytest.raises(ModelFileError, match="Own, which no model file may hold"):
        autoarch.load(file)


def test_another_version_of_scikit_learn_is_said(file):
    """Its models may predict otherwise without saying so."""
    contents(packages={"scikit-learn": "1.0"})(file)
    with pytest.warns(AutoArchWarning, match=r"saved with scikit-learn 1\.0"):
        autoarch.load(file)


@pytest.mark.usefixtures("probe_without_labels")
def test_trees_that_point_beyond_themselves_are_refused(tmp_path):
    """Compiled code would read from where they point to."""
    X, _, numbers, _ = sample("flat")
    fitted = AutoArchRegressor(**quick(families=FAMILIES["tree"])).fit(X, numbers)
    last = fitted.best_estimator_[-1]
    boosting = last.models_[0][-1] if hasattr(last, "models_") else last
    boosting._predictors[0][0].nodes["left"][0] = 10**6
    fitted.families = "tree"
    fitted.save(tmp_path / "model.autoarch")
    with pytest.raises(ModelFileError, match="point beyond themselves"):
        autoarch.load(tmp_path / "model.autoarch")
