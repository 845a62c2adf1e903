"""The documentation and the code speak of the same things: public names, terms, paths, links and identifiers.

Everything is read from the tree, so that a module that moves or a function that gets another name fails here, and not
in front of a reader.
"""

import ast
import builtins
import re
import tomllib
from collections import defaultdict
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md"])
MODULES = sorted((ROOT / "autoarch").rglob("*.py"))
PUBLIC = ("", ".locality", ".geo", ".explain", ".transfer", ".families", ".testing", ".datasets", ".exceptions")
FOR_OTHER_ROOMS = {"AS_GIVEN", "UNORDERED", "LayoutSearch", "probe_values"}  # in an __all__, but not for users
# Names of scikit-learn and of Sphinx that pages mention and the package does not call.
FOREIGN = {
    "plot_gallery",
    "cross_val_score",
    "on_fit_task_end",
    "parallel_config",
    "partial_fit",
    "set_callbacks",
    "set_fit_request",
}
CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
DOUBLE = re.compile(r"``([^`]+)``")
TERM = re.compile(r"\{term\}`([^`]+)`")
DIRECTIVE = re.compile(r"\.\. auto(class|function|module):: (\S+)\n((?: {3,}.*\n|\n(?= {3}))*)")
ENTRIES = {  # public words whose meaning a reader looks up: their values never change without a note
    "verdict": ["2d", "1d-rows", "1d-columns", "none"],
    "status": ["ok", "paused", "excluded", "failed", "skipped"],
    "transfer verdict": ["reuse", "fine-tune", "train from scratch", "none of these"],
    "origin": ["given", "shape", "names", "inferred", "recovered"],
    "stopped_by": ["time_budget", "n_trials", "patience", "interrupt", "callback"],
}
TERMS = """\
background; baseline; candidate; canonical values; cell; counterfactual; deadline; effect size; effective
independent cells; ensemble; eta squared; explanation; family; fold; foreign column; Geary's C; group; holdout;
input shift; lag; lag R2; landmark; lattice; layout; layout inference; layout recovery; leaderboard; locality;
LogME; mean |r|; Moran's I; nugget; null distribution; oblique coordinates; occlusion; out-of-fold predictions;
overlapping windows; pace; paused; permutation importance; permutation test; plug-in; pretrained net; probe; racing;
random convolutions; refit; rehearsal; spatial autocorrelation; spatial block; split; stationary; status; step; study;
temperature; transfer verdict; trial; variogram; variogram range; verdict""".replace("\n", " ").split("; ")


def text_of(path):
    """A page without its code blocks and comments."""
    text = re.sub(r"<!--.*?-->", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    if path.name == "migrate.md":  # the first column has the names of other packages
        text = re.sub(r"^\| .*? \|", "|", text, flags=re.MULTILINE)
    return re.sub(r"^(`{3,}|:{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE)


def name_of(path):
    """Path below the root, for messages and ids."""
    return path.relative_to(ROOT).as_posix()


@cache
def glossary():
    """Entries of the glossary, by lower-case term."""
    block = re.search(r"^```\{glossary\}\n(.*?)^```", (ROOT / "docs/glossary.md").read_text(), re.DOTALL | re.MULTILINE)
    found, terms = {}, []
    for line in block[1].splitlines():
        if line and not line.startswith(" "):
            terms = [*(terms if found.get((terms or [""])[-1]) == "" else []), line.strip().lower()]
            found[terms[-1]] = ""
        else:
            found |= {term: found[term] + line.strip() + " " * bool(line.strip()) for term in terms}
    return found


@cache
def trees():
    """Syntax trees of the package."""
    return {path: ast.parse(path.read_text(encoding="utf-8")) for path in MODULES}


@cache
def docstrings():
    """Docstrings of the package as pairs of a place and a text."""
    kinds = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)
    found = []
    for path, tree in trees().items():
        for node in ast.walk(tree):
            if isinstance(node, kinds) and (text := ast.get_docstring(node)):
                found += [(f"{name_of(path)}: {getattr(node, 'name', 'module')}", text)]
    return found


@cache
def identifiers():
    """Every name that the package defines, uses or writes in a string that is no docstring."""
    known = {
        *dir(builtins),
        *FOREIGN,
        *(path.stem for path in MODULES),
        *(path.parent.name for path in MODULES),
    }
    for tree in trees().values():
        for node in ast.walk(tree):
            for field in ("id", "attr", "arg", "name", "asname", "module"):
                if isinstance(value := getattr(node, field, None), str):
                    known |= set(value.split("."))
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and len(node.value) < 200:
                known |= set(re.findall(r"\w+", node.value))
    return known


@cache
def documented_attributes():
    """Names under "Attributes" or "Parameters" in docstrings, and properties."""
    known = set()
    for _, text in docstrings():
        for section in re.findall(r"^(?:Attributes|Parameters)\n-+\n(.*?)(?=^\w[^\n]*\n-{3,}|\Z)", text, re.S | re.M):
            for names in re.findall(r"^(\w[\w, ]*) :", section, re.M):
                known |= set(re.split(r",\s*", names))
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                known.add(node.name)
    return known


@cache
def public_names(module):
    """What the ``__all__`` of a module lists."""
    for node in modules()[module].body:
        if isinstance(node, ast.Assign) and getattr(node.targets[0], "id", "") == "__all__":
            return ast.literal_eval(node.value)
    raise AssertionError(f"{module} has no __all__")


@cache
def modules():
    """Syntax trees by dotted name."""
    dotted = {".".join(path.relative_to(ROOT).with_suffix("").parts): tree for path, tree in trees().items()}
    return {name.removesuffix(".__init__"): tree for name, tree in dotted.items()}


@cache
def classes():
    """Definitions of classes, by name; several classes may share one."""
    found = defaultdict(list)
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, ast.ClassDef):
                found[node.name].append(node)
    return found


def names_in(body):
    """Names that statements define or import."""
    for node in body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Import, ast.ImportFrom)):
            yield from (alias.asname or alias.name for alias in node.names)
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (name.id for target in targets for name in ast.walk(target) if isinstance(name, ast.Name))


def members_of(name):
    """Methods, properties and fields of a class and of those of ours that it inherits from."""
    known = set()
    for node in classes().get(name, ()):
        bases = (members_of(base.id) for base in node.bases if isinstance(base, ast.Name) and base.id != name)
        known |= set(names_in(node.body)).union(*bases)
    return known


@cache
def exists(dotted):
    """Whether a dotted path leads to a module, to a name in one, or to a member of a class."""
    parts = dotted.split(".")
    length = max((n for n in range(1, len(parts) + 1) if ".".join(parts[:n]) in modules()), default=0)
    if not length or len(parts) > length + 2:
        return False
    module, rest = ".".join(parts[:length]), parts[length:]
    known = set(names_in(modules()[module].body))
    known |= set(public_names(module)) if "__all__" in known else set()
    return not rest or (rest[0] in known and set(rest[1:]) <= members_of(rest[0]))


def documented():
    """What docs/api.md documents: directives with their paths and members."""
    text = (ROOT / "docs/api.md").read_text(encoding="utf-8")
    for kind, path, options in DIRECTIVE.findall(text):
        dotted = path if path.startswith("autoarch") else f"autoarch.{path}"
        members = re.search(r":members:((?:.|\n)*)", options)
        yield kind, dotted, re.findall(r"\w+", members[1].partition(":member-order:")[0]) if members else []


def test_every_public_name_is_documented():
    """What an ``__all__`` offers to users stands in docs/api.md."""
    names = {dotted.rpartition(".")[2] for _, dotted, _ in documented()} | {"__version__"}
    whole = {dotted for kind, dotted, _ in documented() if kind == "module"}
    missing = []
    for module in (f"autoarch{suffix}" for suffix in PUBLIC):
        if module not in whole:
            missing += [f"{module}.{name}" for name in set(public_names(module)) - FOR_OTHER_ROOMS - names]
    assert not missing


def test_the_reference_names_what_exists():
    """Each path of docs/api.md leads to an object, and each member belongs to it."""
    wrong = []
    for _, dotted, members in documented():
        wrong += [path for path in (dotted, *(f"{dotted}.{member}" for member in members)) if not exists(path)]
    assert not wrong
    assert len(list(documented())) > 40  # the pattern still reads the page


def test_each_section_of_the_reference_opens_with_its_table():
    """The table names what follows it, in the same order."""
    for section in (ROOT / "docs/api.md").read_text(encoding="utf-8").split("\n## ")[1:]:
        names = [path.removeprefix("autoarch.") for kind, path, _ in DIRECTIVE.findall(section) if kind != "module"]
        table = re.search(r"autosummary::\n   :nosignatures:\n\n((?:   \S+\n)+)", section)
        assert (table[1].split() if table else []) == names


@pytest.mark.parametrize("term", TERMS)
def test_the_glossary_explains_each_term(term):
    """In a sentence of its own."""
    assert glossary().get(term.lower(), "").rstrip().endswith(".")


@pytest.mark.parametrize("page", sorted((ROOT / "docs/guide").glob("*.md")), ids=lambda page: page.stem)
def test_each_page_of_the_guide_refers_to_the_glossary(page):
    """At the first mention of a term."""
    assert TERM.search(text_of(page))


def test_terms_that_pages_refer_to_are_in_the_glossary():
    """A ``{term}`` role names an entry."""
    unknown = []
    for page in PAGES:
        for role in TERM.findall(page.read_text(encoding="utf-8")):
            term = role[role.index("<") + 1 : -1] if role.endswith(">") else role
            if " ".join(term.split()).lower() not in glossary():
                unknown.append(f"{name_of(page)}: {term}")
    assert not unknown


@pytest.mark.parametrize("entry", ENTRIES)
def test_each_value_of_a_public_word_is_explained(entry):
    """All verdicts, statuses, origins and reasons to stop stand under one entry."""
    text = glossary()[entry]
    assert not [value for value in ENTRIES[entry] if f'`"{value}"`' not in text and f"`{value}`" not in text]


def test_each_family_is_in_the_glossary():
    """The name of every built-in family stands under "family", and those of the tree are all that stand there."""
    names = set()
    for path, tree in trees().items():
        for node in ast.walk(tree) if path.parent.name == "families" else ():
            if isinstance(node, ast.ClassDef):
                names |= {
                    line.value.value
                    for line in node.body
                    if isinstance(line, ast.Assign) and getattr(line.targets[0], "id", "") == "name"
                    and isinstance(line.value, ast.Constant)
                }  # fmt: skip
    assert {"linear", "cnn"} < names
    assert not [name for name in names if f"`{name}`" not in glossary()["family"]]


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_between_pages_lead_somewhere(page):
    """Relative links, pages, included files and anchors of headings."""
    text = page.read_text(encoding="utf-8")
    broken = []
    for target in re.findall(r"\]\((?!\w+:)([^)\s]+)\)", text_of(page)):
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and anchor not in anchors(there)):
            broken.append(target)
    for role in re.findall(r"\{doc\}`([^`]+)`", text):
        target = role[role.index("<") + 1 : -1] if role.endswith(">") else role
        if not (page.parent / f"{target}.md").exists():
            broken.append(target)
    included = re.findall(r"\{literalinclude\} (\S+)", text)
    broken += [target for target in included if not (page.parent / target).exists()]
    assert not broken


def anchors(page):
    """What GitHub and MyST call the headings of a page."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def mentions():
    """Pieces of code in prose: where they stand and what they say."""
    for page in PAGES:
        yield from ((name_of(page), piece) for piece in CODE.findall(re.sub(r"\{\w+\}`[^`]+`", "", text_of(page))))
    for place, text in docstrings():
        yield from ((place, piece) for piece in DOUBLE.findall(text))
        yield from ((place, piece) for piece in re.findall(r":(?:class|func|meth|mod):`~?(autoarch[\w.]+)`", text))


def test_dotted_paths_exist():
    """``autoarch.x.y`` can be imported, and ``room.name`` is a name of that room."""
    rooms = {path.stem for path in MODULES} | {path.parent.name for path in MODULES}
    rooms -= {"__init__", "__main__", "autoarch"} | {"explain", "testing", "report", "main", "target", "base"}
    wrong = []
    for place, piece in mentions():
        path = re.fullmatch(r"([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)+)(?:\(.*\))?", piece.strip())
        if path is None or path[1].rpartition(".")[2] in ("md", "py", "json", "npz", "csv", "parquet"):
            continue
        first, *_, last = path[1].split(".")
        lost = not exists(path[1]) if first == "autoarch" else first in rooms and last not in identifiers()
        if lost and path[1] != "autoarch.families.neighbours":  # the plug-in of an example
            wrong.append(f"{place}: {piece}")
    assert not wrong


def test_paths_of_files_exist():
    """``autoarch/...``, ``examples/...`` and the like lie where they are said to lie."""
    pattern = re.compile(r"(?<![\w/.])((?:autoarch|docs|tests|examples|\.ci)/[\w./-]*\w)(?![\w*<{])")
    found = [(place, path) for place, piece in mentions() for path in pattern.findall(piece)]
    assert not [f"{place}: {path}" for place, path in found if not (ROOT / path).exists()]
    assert len(found) > 10  # the pattern still reads the pages


def test_fitted_attributes_that_pages_name_exist():
    """A name that ends with an underscore is a documented attribute, or one that the code sets."""
    stored = {
        node.attr
        for tree in trees().values()
        for node in ast.walk(tree)
        if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store)
    }
    pattern = re.compile(r"(?<![\w'\"])(?:\w+\.)?([a-z][a-z0-9]*(?:_[a-z0-9]+)*_)(?![\w'\"*])")
    found = [(page, name) for page in PAGES for piece in CODE.findall(text_of(page)) for name in pattern.findall(piece)]
    assert not [f"{name_of(page)}: {name}" for page, name in found if name not in documented_attributes() | stored]
    assert len(found) > 50  # the pattern still reads the pages


def test_parameters_that_pages_name_exist():
    """``name=value`` names a parameter of ours, of scikit-learn or of the stack."""
    known = identifiers() | documented_attributes()
    found = [
        (place, name) for place, piece in mentions() for name in re.findall(r"(?<![\w.-])([a-z_]\w*)=(?!=)", piece)
    ]
    assert not [f"{place}: {name}" for place, name in found if name not in known]
    assert len(found) > 50


def test_identifiers_in_prose_are_those_of_the_code():
    """A function, module or constant that is gone leaves no name behind; names of data sets stand in the benchmarks."""
    known = identifiers() | documented_attributes()
    for page in ("benchmarks", "experiments"):
        known |= set(re.findall(r"\w+", (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")))
    wrong = []
    for place, piece in mentions():
        bare = re.fullmatch(r"([A-Za-z][A-Za-z_]*)(\(\))?", piece)  # digits are those of columns in examples
        measured = "benchmark" in place or "experiments" in place
        if bare and ("_" in bare[1].strip("_") or bare[2]) and bare[1] not in known and not measured:
            wrong.append(f"{place}: {piece}")
    assert not wrong


def test_packages_name_modules_that_they_hold():
    """The order in which a package's docstring tells to read it names its modules, or functions and parameters."""
    known = set(dir(builtins))
    for tree in trees().values():
        for node in ast.walk(tree):
            if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                known.add(node.name)
            elif isinstance(node, ast.arg):
                known.add(node.arg)
    wrong = []
    for path, tree in trees().items():
        if path.name == "__init__.py":
            below = known | {module.stem for module in path.parent.iterdir()}
            pieces = re.findall(r"``([a-z]\w*)``", ast.get_docstring(tree) or "")
            wrong += [f"{name_of(path)}: {piece}" for piece in pieces if piece not in below]
    assert not wrong


def test_measured_answers_are_quoted():
    """Each part of the command has its output in a file, and the page shows each file."""
    script = (ROOT / "docs/make_cnn_answers.py").read_text(encoding="utf-8")
    parts = re.findall(r"\w+", re.search(r"^PARTS = \((.*?)\)", script, re.MULTILINE)[1])
    shown = re.findall(r"cnn_answers/(\w+)\.txt", (ROOT / "docs/does-a-cnn-make-sense.md").read_text(encoding="utf-8"))
    assert shown == parts
    assert {path.stem for path in (ROOT / "docs/cnn_answers").iterdir()} == set(parts)


def test_recipe_and_citation_agree_with_the_project():
    """Version, dependencies and their lower bounds; conda calls torch pytorch."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recipe = (ROOT / "docs/conda/meta.yaml").read_text(encoding="utf-8")
    cited = (ROOT / "docs/CITATION.cff").read_text(encoding="utf-8")
    version = re.search(r'__version__ = "(.+)"', (ROOT / "autoarch/__init__.py").read_text(encoding="utf-8"))[1]
    run = recipe[recipe.index("  run:") : recipe.index("test:")]
    stated = {tuple(line.split()[1:3]) for line in run.splitlines()[1:] if line.strip()}
    entries = [entry.replace("torch", "pytorch") for entry in project["dependencies"]]
    wanted = {re.fullmatch(r"([\w-]+)(>=.+)", entry).groups() for entry in entries}
    assert stated == wanted | {("python", project["requires-python"])}
    assert f'version = "{version}"' in recipe
    assert f"version: {version}\n" in cited


def test_docstrings_open_with_a_verb_or_a_noun_phrase():
    """A sentence that begins with a question word says what something is about, not what it does or is."""
    questions = ("What ", "Who ", "Whether ", "Why ", "How ", "Those ", "Which ", "Where ", "When ")
    assert [where for where, text in docstrings() if text.startswith(questions)] == []
