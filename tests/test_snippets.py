"""Every piece of Python in the README, the documentation and the docstrings runs when it is copied alone.

Each fence is run in a namespace of its own, in an empty folder, with nothing imported for it. One thing is changed:
a ``time_budget`` is cut to ``SECONDS``. A comment before a fence, ``<!-- needs: package -->``, names what is no part of
the test environment: the fence is skipped where that is missing, and only compiled with ``<!-- needs: a cluster -->``.
"""

import ast
import doctest
import re
import warnings
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 3
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(
    r"^(?:<!-- needs: (?P<needs>[^>]*) -->\n)?(?P<ticks>`{3,})(?P<kind>python|\{doctest\}|\{testcode\}|py|pycon)\n"
    r"(?P<code>.*?)^(?P=ticks)$",
    re.DOTALL | re.MULTILINE,
)


class Snippet(NamedTuple):
    """Some code: where it stands, what it needs, and whether it is a session with answers."""

    place: str
    code: str
    session: bool
    needs: str | None = None


def of_pages():
    """Fences of Python in the README and the documentation."""
    for page in PAGES:
        if "changelog.d" in page.parts:
            continue
        text = page.read_text(encoding="utf-8")
        for match in FENCE.finditer(text):
            line = text.count("\n", 0, match.start("code"))
            session = match["kind"] in ("{doctest}", "pycon")
            yield Snippet(f"{page.relative_to(ROOT)}:{line}", match["code"], session, match["needs"])


def of_docstrings():
    """Examples in docstrings of the package, private ones too."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef)
    for path in sorted((ROOT / "autoarch").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            text = ast.get_docstring(node) if isinstance(node, kinds) else None
            if text and ">>>" in text:
                yield Snippet(f"{path.relative_to(ROOT)}:{getattr(node, 'name', 'module')}", text, session=True)


def shortened(code):
    """The same code with a budget that a test can wait for."""
    return re.sub(r"\btime_budget=\d+", f"time_budget={SECONDS}", code)


def all_snippets():
    """Snippets with their places as ids."""
    return [pytest.param(snippet, id=snippet.place) for snippet in (*of_pages(), *of_docstrings())]


@pytest.mark.slow
@pytest.mark.parametrize("snippet", all_snippets())
def test_a_snippet_runs_alone(snippet, tmp_path, monkeypatch):
    """With the imports and the data that it shows, and with the answers that it shows."""
    monkeypatch.chdir(tmp_path)
    compile_alone(snippet)
    if snippet.needs == "a cluster":
        return
    for package in re.split(r",\s*", snippet.needs or ""):
        if package:
            pytest.importorskip(package)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FutureWarning)
        run_alone(snippet)


def compile_alone(snippet):
    """See that the code can be parsed."""
    if not snippet.session:
        ast.parse(snippet.code)


def run_alone(snippet):
    """Run code, or a session and compare its answers."""
    code = shortened(snippet.code)
    if not snippet.session:
        exec(compile(code, snippet.place, "exec"), {"__name__": "__main__"})
        return
    session = doctest.DocTestParser().get_doctest(code, {"__name__": "__main__"}, snippet.place, snippet.place, 0)
    said = []
    failed, _ = doctest.DocTestRunner().run(session, out=said.append, clear_globs=True)
    assert not failed, "".join(said)


def test_there_are_snippets():
    """The patterns still read the pages and the docstrings."""
    assert len(list(of_pages())) > 40
    assert len(list(of_docstrings())) > 30
