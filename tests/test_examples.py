"""Examples, the README and the notebooks: what they promise is there."""

import ast
import json
import os
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from autoarch import AutoArchClassifier
from autoarch.datasets import make_noise

ROOT = Path(__file__).resolve().parents[1]
EXAMPLES = sorted((ROOT / "examples").glob("[0-9]_*/*.py"))
NOTEBOOK = ROOT / "examples" / "kaggle_offline.ipynb"
NOTEBOOKS = sorted((ROOT / "examples").glob("*.ipynb"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_opens_with_its_claim_and_ends_by_asserting_it(path):
    """The gallery runs the examples; this sees that each of them would notice a claim that no longer holds."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    title, line, claim = (ast.get_docstring(tree) or "").split("\n", 2)
    assert line == "=" * len(line)
    assert len(line) >= len(title)
    assert claim.startswith("\nClaim: ")
    last = ast.unparse(tree.body[-1])
    assert last.startswith(("assert ", "np.testing.assert_"))


def test_examples_are_numbered_through_three_levels():
    """First steps, recipes, evidence; 01, 02, ... without a gap."""
    assert [path.parent.name for path in EXAMPLES if path.stem.startswith("01")] == ["1_first_steps"]
    assert sorted({path.parent.name for path in EXAMPLES}) == ["1_first_steps", "2_recipes", "3_evidence"]
    assert [int(path.stem[:2]) for path in EXAMPLES] == list(range(1, len(EXAMPLES) + 1))


def test_what_the_readme_shows_of_an_estimator_exists():
    """Every attribute and method in the four lines."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", readme, re.DOTALL)[1]
    ast.parse(code)
    X, y = make_noise(60, random_state=0)
    clf = AutoArchClassifier(time_budget=None, n_trials=1, families="linear", random_state=0, verbose=0).fit(X, y)
    shown = set(re.findall(r"clf\.(\w+)", code))
    assert {"predict", "locality_", "leaderboard_"} <= shown
    assert not [name for name in shown if not hasattr(clf, name)]


def test_links_of_the_readme_lead_somewhere():
    """Pages, examples and the picture, which stays small."""
    links = re.findall(r"\]\(([^)]+)\)", (ROOT / "README.md").read_text(encoding="utf-8"))
    assert not [link for link in links if not (ROOT / link).exists()]
    (picture,) = (link for link in links if link.endswith(".png"))
    assert (ROOT / picture).stat().st_size < 100_000


def test_ci_takes_its_first_step_from_the_readme():
    """There is one such block; it installs torch before the package, and runs the tests."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    (command,) = re.findall(r"<!-- second command -->\n```bash\n(.*?)\n```", readme)
    torch, package, tests = (command.index(part) for part in ("pip install torch==", "'.[test]'", "pytest"))
    assert torch < package < tests
    assert "<!-- second command -->" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")


def stack_without_autoarch(folder):
    """Make a folder of links to everything that is installed but autoarch, as a hosted image has it."""
    folder.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not re.match(r"_*(editable_+(impl_)?)?autoarch", entry.name):
            (folder / entry.name).symlink_to(entry)
    return folder


@pytest.fixture
def offline_kernel(tmp_path, monkeypatch):
    """A fresh environment with the stack and without autoarch, as a kernel for notebooks; a wheel of this tree."""
    pip = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index"]
    subprocess.run([*pip, "--wheel-dir", str(tmp_path / "wheels"), str(ROOT)], check=True)
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(tmp_path / "env")], check=True)
    python = tmp_path / "env" / "bin" / "python"
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = subprocess.run([python, "-c", where], capture_output=True, text=True, check=True).stdout.strip()
    stack = stack_without_autoarch(tmp_path / "stack")
    (Path(site) / "stack.pth").write_text(f"{stack}\n", encoding="utf-8")

    spec = {"argv": [str(python), "-m", "ipykernel_launcher", "-f", "{connection_file}"], "language": "python"}
    kernel = tmp_path / "jupyter" / "kernels" / "offline"
    kernel.mkdir(parents=True)
    (kernel / "kernel.json").write_text(json.dumps({**spec, "display_name": "offline"}), encoding="utf-8")
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path / "jupyter"))
    monkeypatch.setenv("AUTOARCH_WHEELS", str(tmp_path / "wheels"))
    monkeypatch.delenv("PYTHONPATH", raising=False)
    return python


@pytest.mark.slow
@pytest.mark.skipif(os.name != "posix", reason="the fresh environment is laid out as on POSIX systems")
def test_the_notebook_installs_without_a_network_and_keeps_its_claim(offline_kernel, tmp_path):
    """From a wheel, with --no-index, in an environment that cannot import autoarch before."""
    import nbformat
    from nbclient import NotebookClient

    before = subprocess.run([offline_kernel, "-c", "import autoarch"], capture_output=True, check=False)
    assert before.returncode != 0

    notebook = nbformat.read(NOTEBOOK, as_version=4)
    assert any("--no-index" in cell.source for cell in notebook.cells)
    NotebookClient(notebook, kernel_name="offline", timeout=300, resources={"metadata": {"path": tmp_path}}).execute()
    assert notebook.cells[-1].source.splitlines()[-1].startswith("assert ")


def cells_of(path):
    """Cells of a notebook, as pairs of a kind and a text."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [(cell["cell_type"], "".join(cell["source"])) for cell in cells]


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path):
    """Outputs would tell of a machine, and age."""
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    assert not any(cell.get("outputs") or cell.get("execution_count") for cell in cells)


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_opens_with_its_claim_and_ends_by_asserting_it(path):
    """As the examples do."""
    first, last = cells_of(path)[0], cells_of(path)[-1]
    assert first[1].startswith("# ")
    assert "\nClaim: " in first[1]
    assert last[1].splitlines()[-1].startswith("assert ")


def run_cell(code, namespace, place):
    """Run a cell, and show its last value as a notebook would."""
    body = ast.parse(code).body
    value = body.pop() if isinstance(body[-1], ast.Expr) else None
    exec(compile(ast.Module(body, []), place, "exec"), namespace)
    if value is not None:
        shown = eval(compile(ast.Expression(value.value), place, "eval"), namespace)
        assert getattr(shown, "_repr_html_", lambda: None)() or repr(shown)


@pytest.mark.slow
@pytest.mark.parametrize("path", [path for path in NOTEBOOKS if path != NOTEBOOK], ids=lambda path: path.stem)
def test_a_notebook_keeps_its_claim_on_a_tenth_of_its_budget(path, tmp_path, monkeypatch):
    """Cell by cell in one namespace; at least 3 s, so that more than the baseline is fitted on a busy machine."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MPLBACKEND", "Agg")
    pytest.importorskip("matplotlib")
    namespace = {"__name__": "__main__"}
    for number, (kind, code) in enumerate(cells_of(path)):
        if kind == "code":
            tenth = re.sub(r"\btime_budget=(\d+)", lambda match: f"time_budget={max(3, int(match[1]) // 10)}", code)
            run_cell(tenth, namespace, f"{path.name}, cell {number}")
