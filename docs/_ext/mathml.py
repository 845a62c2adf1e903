"""Write formulas as MathML, which browsers draw themselves: no script, no font and no LaTeX has to be loaded."""

from docutils.utils.math.latex2mathml import tex2mathml


def visit_inline(translator, node):
    """Within a line."""
    translator.body.append(tex2mathml(node.astext()))
    _skip()


def visit_block(translator, node):
    """On a line of its own."""
    translator.body.append(f'<div class="math">{tex2mathml(node.astext(), as_block=True)}</div>')
    _skip()


def _skip():
    from docutils.nodes import SkipNode

    raise SkipNode


def setup(app):
    """Register the renderer; ``html_math_renderer`` chooses it."""
    app.add_html_math_renderer("mathml", (visit_inline, None), (visit_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}
