"""Show the fragments of changelog.d on the page of the changelog, by kind."""

from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "changelog.d"
MARK = "<!-- fragments -->"
KINDS = ("added", "changed", "removed", "fixed")


def gathered():
    """Markdown with a heading for each kind that has fragments, and an item for each fragment."""
    lines = []
    for kind in KINDS:
        fragments = sorted(FOLDER.glob(f"*.{kind}.md"))
        lines += ["", f"### {kind.capitalize()}", ""] if fragments else []
        for fragment in fragments:
            lines.append("- " + fragment.read_text(encoding="utf-8").strip().replace("\n", "\n  "))
    return "\n".join(lines)


def insert(app, docname, source):
    """Put them where the page has the mark."""
    if docname == "changelog":
        source[0] = source[0].replace(MARK, gathered())


def setup(app):
    """Read the page with its fragments."""
    app.connect("source-read", insert)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
