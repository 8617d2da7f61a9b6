"""What a notebook tells the pipeline that runs it, from inside."""

from __future__ import annotations

from engine.receipt import Measure

MEASURES = "application/vnd.genomics.measures+json"
"""Media type of what is told; a notebook that a person opens shows it as a table of names and values."""


def tell(**measures: Measure) -> None:
    """Tell measures: evidence for quality checks, kept in the artifact's receipt, and shown in the notebook.

    Args:
        measures: by name, absent where it may not be told; a later one of the same name stands.
    """
    from IPython.display import display

    rows = "".join(
        f"<tr><th>{name.replace('_', ' ')}</th><td>{_shown(value)}</td></tr>" for name, value in measures.items()
    )
    display({MEASURES: measures, "text/html": f"<table>{rows}</table>", "text/plain": repr(measures)}, raw=True)


def _shown(value: Measure) -> str:
    from html import escape

    if value is None:
        return "not told"
    return f"{value:,.4g}" if isinstance(value, float) else escape(str(value))
