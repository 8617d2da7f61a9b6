"""A picture of the reads at a finding's place, as genome browsers draw them: SVG, the same for the same reads.

Colours repeat what letters and shapes say, so that nothing is lost in grey.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from engine.report.pileup import Pileup, ShownRead

_BASE_WIDTH, _ROW_HEIGHT = 8, 9
_LEFT, _TOP = 78, 16
_DEPTH_HEIGHT = 34
_NUMBER_REACHES = 4
"""Bases to either side of its tick that a position's number covers."""
_COLOURS = {"A": "#2e7d32", "C": "#1565c0", "G": "#8a4b00", "T": "#c62828", "N": "#555555"}
_BODIES = {"alternate": "#c9d3e6", "reference": "#dddddd", "neither": "#efe6cf"}


def draw(pileup: Pileup, ref: str, alt: str) -> str:
    """The picture as an SVG element to be put into a page.

    Args:
        pileup: the reads.
        ref: reference allele, for the description.
        alt: alternate allele, for the description.
    """
    columns = len(pileup.reference)
    width = _LEFT + columns * _BASE_WIDTH + 10
    reads_top = _TOP + _DEPTH_HEIGHT + 2 * _ROW_HEIGHT + 8
    height = reads_top + len(pileup.reads) * _ROW_HEIGHT + 6
    name = f"reads-{pileup.finding}"
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="{escape(name)}" class="reads" '
        f'width="{width}" height="{height}" viewBox="0 0 {width} {height}" font-family="monospace" font-size="8">',
        f'<title id="{escape(name)}">{escape(description(pileup, ref, alt))}</title>',
        *_ruler(pileup, width, height),
        *_depth(pileup),
        *_reference(pileup),
        *(mark for row, read in enumerate(pileup.reads) for mark in _read(read, reads_top + row * _ROW_HEIGHT)),
        "</svg>",
    ]
    return "\n".join(parts)


def description(pileup: Pileup, ref: str, alt: str) -> str:
    """What the picture shows, for those who cannot see it."""
    first, last = pileup.start + 1, pileup.start + len(pileup.reference)
    shown = f", {len(pileup.reads)} of them drawn" if len(pileup.reads) < pileup.total else ""
    return (
        f"Reads at {pileup.contig}:{first:,}-{last:,}: {pileup.alternate} of {pileup.total} that cover the place carry "
        f"{_short(alt)} in place of {_short(ref)}{shown}."
    )


def _short(allele: str) -> str:
    return allele if len(allele) <= 20 else f"{allele[:17]}... ({len(allele)} bases)"


def _x(column: int) -> int:
    return _LEFT + column * _BASE_WIDTH


def _label(y: int, text: str) -> str:
    return f'<text x="{_LEFT - 6}" y="{y}" text-anchor="end" fill="#222222">{escape(text)}</text>'


def _ruler(pileup: Pileup, width: int, height: int) -> Iterator[str]:
    """Positions, 1-based, and the stripe of the alleles."""
    first, last = pileup.allele
    yield f'<rect width="{width}" height="{height}" fill="#ffffff"/>'
    stripe = max(last - first, 1) * _BASE_WIDTH
    yield f'<rect x="{_x(first)}" y="{_TOP}" width="{stripe}" height="{height - _TOP}" fill="#fff3b0"/>'
    yield _label(10, pileup.contig)
    for column in range(len(pileup.reference)):
        position = pileup.start + column + 1
        if position % 20 == 0:
            yield f'<path d="M{_x(column) + 4} 12v4" stroke="#222222"/>'
            anchor = _anchor(column, len(pileup.reference))
            yield f'<text x="{_x(column) + 4}" y="10" text-anchor="{anchor}" fill="#222222">{position:,}</text>'


def _anchor(column: int, columns: int) -> str:
    """How a position's number lies to its tick: inside the picture at both ends, clear of the contig's name."""
    if column < _NUMBER_REACHES:
        return "start"
    return "end" if column >= columns - _NUMBER_REACHES else "middle"


def _depth(pileup: Pileup) -> Iterator[str]:
    most = max((*pileup.depth, 1))
    floor = _TOP + _DEPTH_HEIGHT
    yield _label(_TOP + 8, f"depth {most}")
    yield f'<path d="M{_LEFT} {floor}h{len(pileup.depth) * _BASE_WIDTH}" stroke="#222222" stroke-width="0.5"/>'
    for column, depth in enumerate(pileup.depth):
        high = round(depth * (_DEPTH_HEIGHT - 2) / most)
        if high:
            yield (
                f'<rect x="{_x(column)}" y="{floor - high}" width="{_BASE_WIDTH - 1}" height="{high}" fill="#7a7a7a"/>'
            )


def _reference(pileup: Pileup) -> Iterator[str]:
    y = _TOP + _DEPTH_HEIGHT + _ROW_HEIGHT + 2
    yield _label(y, "reference")
    for column, base in enumerate(pileup.reference):
        yield (
            f'<text x="{_x(column) + 4}" y="{y}" text-anchor="middle" '
            f'fill="{_COLOURS.get(base, "#555555")}">{escape(base)}</text>'
        )


def _read(read: ShownRead, y: int) -> Iterator[str]:
    """Body pointing along the strand; letters where it differs, a line where it has no base, a bar for insertions."""
    start, end = _x(read.start), _x(read.start + len(read.bases))
    tall = _ROW_HEIGHT - 2
    tip = f"M{start} {y + tall / 2:g}l3 -{tall / 2:g}H{end}v{tall}H{start + 3}z"
    if not read.reverse:
        tip = f"M{end} {y + tall / 2:g}l-3 -{tall / 2:g}H{start}v{tall}H{end - 3}z"
    yield f'<path d="{tip}" fill="{_BODIES[read.speaks]}"/>'
    for column, base in enumerate(read.bases, read.start):
        x = _x(column)
        if base == "-":
            yield f'<rect x="{x}" y="{y}" width="{_BASE_WIDTH}" height="{tall}" fill="#ffffff"/>'
            yield f'<path d="M{x} {y + tall / 2:g}h{_BASE_WIDTH}" stroke="#111111"/>'
        elif base != "=":
            colour = _COLOURS.get(base, "#555555")
            yield f'<rect x="{x}" y="{y}" width="{_BASE_WIDTH}" height="{tall}" fill="{colour}"/>'
            yield f'<text x="{x + 4}" y="{y + 6.5}" text-anchor="middle" fill="#ffffff">{escape(base)}</text>'
    for column, bases in read.insertions:
        yield f'<path d="M{_x(column) - 2} {y}h4m-2 0v{tall}m-2 0h4" stroke="#6a1b9a" stroke-width="1.5" fill="none"/>'
        yield f'<text x="{_x(column) + 3}" y="{y + 6.5}" fill="#6a1b9a">+{escape(bases[:6])}</text>'
