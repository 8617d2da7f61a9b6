"""What the server's terminal shows of what happens in its processes: the lines that matter, and no others.

Each process of the server writes to a log of its own; a line that begins with :data:`MARK` is for people.
"""

from __future__ import annotations

import sys

MARK = "genomics: "


def tell(text: str) -> None:
    """Show a message in the terminal of the server that this process belongs to, in one line."""
    print(f"{MARK}{' '.join(text.split())}", file=sys.stderr, flush=True)
