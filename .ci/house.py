"""Count what makes a code base easy or hard to find one's way in, and fail where a limit is exceeded.

``python .ci/house.py`` prints the table of ``docs/contributing.md``; ``--check`` exits with 1 if a limit is exceeded
(that on lines of code is only shown: new features bring new lines); ``--list`` names what is counted. Needs the
standard library only. Everything is read from the syntax trees: imports inside functions and for types count like any
other.
"""

from __future__ import annotations

import argparse
import ast
import io
import sys
import tokenize
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = "autoarch"
LINES = "lines of code"
DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)
FUNCTIONS = (ast.FunctionDef, ast.AsyncFunctionDef)


class House:
    """The package as modules, syntax trees and arrows between modules."""

    def __init__(self, root: Path = ROOT):
        self.files = {_module_name(path, root): path for path in sorted((root / PACKAGE).rglob("*.py"))}
        self.text = {name: path.read_text(encoding="utf-8") for name, path in self.files.items()}
        self.trees = {name: ast.parse(text) for name, text in self.text.items()}
        self.imports = {name: set(self._imported(name)) - {name} for name in self.files}
        self.at_import = {name: set(self._imported(name, top_level=True)) - {name} for name in self.files}

    def is_package(self, name: str) -> bool:
        return self.files[name].name == "__init__.py"

    def _imported(self, name: str, *, top_level: bool = False) -> Iterator[str]:
        nodes = self.trees[name].body if top_level else ast.walk(self.trees[name])
        for node in nodes:
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names if alias.name in self.files)
            elif isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == PACKAGE:
                for alias in node.names:
                    below = f"{node.module}.{alias.name}"
                    yield below if below in self.files else self._origin(node.module, alias.name)

    def _origin(self, module: str, name: str) -> str:
        """Follow a name through the packages that re-export it to the module that defines it."""
        seen = set()
        while module in self.files and self.is_package(module) and module not in seen:
            seen.add(module)
            onward = self._exported(module).get(name)
            if onward is None:
                return module
            module = onward
        return module

    def _exported(self, package: str) -> dict[str, str]:
        """Names that a package takes from its modules, by import or by a table of lazy names."""
        found = {}
        for node in ast.walk(self.trees[package]):
            if isinstance(node, ast.ImportFrom) and node.module in self.files:
                found |= {alias.asname or alias.name: node.module for alias in node.names}
            elif isinstance(node, ast.Dict):
                for key, value in zip(node.keys, node.values, strict=True):
                    if isinstance(key, ast.Constant) and isinstance(value, ast.Constant):
                        if value.value in self.files:
                            found[key.value] = value.value
                        elif f"{package}.{value.value}" in self.files:
                            found[key.value] = f"{package}.{value.value}"
        return found

    def serving_one(self) -> list[str]:
        """Modules that exactly one other module imports; packages count as their modules' doors, not as users."""
        users: dict[str, set[str]] = defaultdict(set)
        for name, imported in self.imports.items():
            for other in imported:
                if not self.is_package(name):
                    users[other].add(name)
        exported = {target for name in self.files if self.is_package(name) for target in self._exported(name).values()}
        return sorted(
            name for name in self.files if not self.is_package(name) and len(users[name]) == 1 and name not in exported
        )

    def circles(self) -> list[list[str]]:
        """Groups of modules that import each other, by Tarjan's algorithm."""
        index: dict[str, int] = {}
        low: dict[str, int] = {}
        stack: list[str] = []
        found: list[list[str]] = []

        def visit(name: str) -> None:
            index[name] = low[name] = len(index)
            stack.append(name)
            for other in sorted(self.imports[name]):
                if other not in index:
                    visit(other)
                    low[name] = min(low[name], low[other])
                elif other in stack:
                    low[name] = min(low[name], index[other])
            if low[name] == index[name]:
                group = []
                while not group or group[-1] != name:
                    group.append(stack.pop())
                if len(group) > 1:
                    found.append(sorted(group))

        for name in self.files:
            if name not in index:
                visit(name)
        return found

    def depth(self) -> list[str]:
        """The longest chain of imports between modules."""
        best: dict[str, list[str]] = {}

        def chain(name: str, above: frozenset[str]) -> list[str]:
            if name not in best:
                below = [chain(other, above | {name}) for other in self.imports[name] if other not in above | {name}]
                best[name] = [name, *max(below, key=len, default=[])]
            return best[name]

        return max((chain(name, frozenset()) for name in self.files), key=len)

    def code_lines(self) -> int:
        return sum(len(_lines_of_code(text, self.trees[name])) for name, text in self.text.items())

    def functions(self) -> list[tuple[int, str]]:
        """Lines of each function without its docstring: a documented parameter must not make a function long."""
        found = []
        for name, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, FUNCTIONS):
                    lines = node.end_lineno - node.lineno + 1
                    if ast.get_docstring(node, clean=False) is not None:
                        lines -= node.body[0].end_lineno - node.body[0].lineno + 1
                    found.append((lines, f"{name}.{node.name}"))
        return sorted(found, reverse=True)

    def dataclasses(self) -> list[tuple[int, str]]:
        found = []
        for name, tree in self.trees.items():
            for node in ast.walk(tree):
                if isinstance(node, ast.ClassDef) and any("dataclass" in ast.dump(d) for d in node.decorator_list):
                    fields = [line for line in node.body if isinstance(line, ast.AnnAssign)]
                    found.append((len(fields), f"{name}.{node.name}"))
        return sorted(found, reverse=True)

    def modules_by_length(self) -> list[tuple[int, str]]:
        return sorted(((text.count("\n"), name) for name, text in self.text.items()), reverse=True)

    def names_to_read(self, module: str = f"{PACKAGE}.estimators", class_name: str = "AutoArchClassifier") -> set[str]:
        """Names of this project that ``fit`` uses, in its own methods and in those of its class that it calls."""
        classes, imported = self._classes_in_reach(module)
        methods: dict[str, tuple[str, ast.AST]] = {}
        name: str | None = class_name
        while name in classes:
            home, node = classes[name]
            for item in node.body:
                if isinstance(item, FUNCTIONS):
                    methods.setdefault(item.name, (home, item))
            name = next((base.id for base in node.bases if isinstance(base, ast.Name) and base.id in classes), None)
        names: set[str] = set()
        open_, seen = ["fit"], set()
        while open_:
            home, body = methods[open_.pop()]
            helpers = _definitions(self.trees[home])
            todo = [body]
            while todo:
                for node in ast.walk(todo.pop()):
                    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "self":
                        if node.attr in methods and node.attr not in seen:
                            seen.add(node.attr)
                            open_.append(node.attr)
                            names.add(node.attr)
                    elif isinstance(node, ast.Name) and node.id in imported[home]:
                        names.add(node.id)
                    elif isinstance(node, ast.Name) and node.id in helpers and node.id not in names:
                        names.add(node.id)
                        if isinstance(helpers[node.id], FUNCTIONS):
                            todo.append(helpers[node.id])
        return names

    def _classes_in_reach(self, module: str) -> tuple[dict[str, tuple[str, ast.ClassDef]], dict[str, set[str]]]:
        classes: dict[str, tuple[str, ast.ClassDef]] = {}
        imported: dict[str, set[str]] = {}
        for home in [module, *sorted(self.at_import[module])]:
            imported[home] = set()
            for node in self.trees[home].body:
                if isinstance(node, ast.ClassDef):
                    classes.setdefault(node.name, (home, node))
                elif isinstance(node, ast.ImportFrom) and node.module and node.module.startswith(PACKAGE):
                    imported[home] |= {alias.asname or alias.name for alias in node.names}
        return classes, imported


def _module_name(path: Path, root: Path) -> str:
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _definitions(tree: ast.Module) -> dict[str, ast.AST]:
    found: dict[str, ast.AST] = {}
    for node in tree.body:
        if isinstance(node, DEFINITIONS):
            found[node.name] = node
        elif isinstance(node, ast.Assign):
            found |= {target.id: node for target in node.targets if isinstance(target, ast.Name)}
    return found


def _lines_of_code(text: str, tree: ast.Module) -> set[int]:
    """Lines that hold a token which is neither a comment nor part of a docstring."""
    docstrings: set[int] = set()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Module, *DEFINITIONS)) and ast.get_docstring(node, clean=False) is not None:
            first = node.body[0]
            docstrings |= set(range(first.lineno, (first.end_lineno or first.lineno) + 1))
    nothing = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type not in nothing:
            lines |= set(range(token.start[0], token.end[0] + 1))
    return lines - docstrings


def _outside_search(rows: list[tuple[int, str]]) -> tuple[int, str]:
    return next(row for row in rows if f"{PACKAGE}._search" not in row[1])


def measured(house: House) -> list[tuple[str, int, int, str]]:
    """Return what is counted, the count, the limit, and an example."""
    function, record = _outside_search(house.functions()), _outside_search(house.dataclasses())
    module, chain, circles = _outside_search(house.modules_by_length()), house.depth(), house.circles()
    return [
        (LINES, house.code_lines(), 14_280, "without blank lines, comments and docstrings"),
        ("modules", len(house.files), 271, ""),
        ("modules that serve one other", len(house.serving_one()), 58, ""),
        ("import circles", len(circles), 0, "; ".join(", ".join(circle) for circle in circles)),
        ("import depth", len(chain), 18, " > ".join(name.removeprefix(f"{PACKAGE}.") for name in chain)),
        ("own names to know to read fit", len(house.names_to_read()), 25, ""),
        ("fields of the largest dataclass", *_bar(record, 15)),
        ("lines of the longest function", *_bar(function, 60)),
        ("lines of the longest module", *_bar(module, 400)),
    ]


def _bar(row: tuple[int, str], bar: int) -> tuple[int, int, str]:
    return row[0], bar, row[1]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="exit with 1 if a limit is exceeded")
    parser.add_argument("--list", action="store_true", help="name modules that serve one other, and names to know")
    asked = parser.parse_args()
    house = House()
    rows = measured(house)
    for what, count, bar, example in rows:
        print(f"{'ok ' if count <= bar else 'TOO MANY'} {what}: {count} (limit {bar}) {example}")
    if asked.list:
        print("\nserving one other:", *house.serving_one(), sep="\n  ")
        print("\nto read fit:", *sorted(house.names_to_read()), sep="\n  ")
        print("\nlongest functions:", *[f"{n} {name}" for n, name in house.functions()[:12]], sep="\n  ")
        print("\nlargest dataclasses:", *[f"{n} {name}" for n, name in house.dataclasses()[:12]], sep="\n  ")
        print("\nlongest modules:", *[f"{n} {name}" for n, name in house.modules_by_length()[:12]], sep="\n  ")
    return int(asked.check and any(count > bar for what, count, bar, _ in rows if what != LINES))


if __name__ == "__main__":
    sys.exit(main())
