"""Copy number where targets were sequenced (panels, exomes): by their depth beside that of a panel of normals.

How deep a target is read is decided by its bait more than by its copies, alike in all samples of one kit. So a target
is compared with itself in other samples: those of the deployment that are most like this one, each scaled to its own
median. A target's spread among them says how far it can be believed, and those with few reads or much spread are not
told of. What is left of the dependence on G and C is taken away by the sample's own targets, and a hidden Markov model
over 0 to 5 copies finds the course along each contig. (The ways of Plagnol 2012, doi:10.1093/bioinformatics/bts526, to
choose among normals, and of Fromer 2012, doi:10.1016/j.ajhg.2012.08.005, to go from target to target.)

>>> pieces_of([Interval("chr1", 100, 900)])
(Interval(contig='chr1', start=100, end=500), Interval(contig='chr1', start=500, end=900))
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
from numpy.typing import NDArray

from engine.reference.accessions import bare_contig
from engine.reference.intervals import Interval
from engine.structural.depth import BIN, Depths
from engine.structural.normals import LEAST_NORMALS, too_few

if TYPE_CHECKING:
    import pysam

PIECE: Final = 400
"""Bases of a piece of a target, about; a longer target has several, so that a loss of a part of it shows."""
LEAST_TOLD: Final = 50
"""Pieces on autosomes that can be told of, without which nothing is: a sample is scaled by their median."""
_MOST_ALIKE: Final = 20
"""Samples of the panel that are taken, those most like this one."""
_LEAST_READS: Final = 20.0
"""Reads of two copies of a piece, from which it is told of."""
_MOST_SPREAD: Final = 0.3
"""Standard deviation of a piece's depth among the normals, as a share of it, up to which it is told of."""
_USUAL_READ: Final = 150
"""Bases of a read, by which reads are counted."""
_MOST_COPIES: Final = 5
_ENTER: Final = 1e-4
_LEAVE: Final = 0.1
"""Probabilities that a piece begins an event, for each number of copies, and that the next one ends it."""
_OUTLIER: Final = 1e-9
_NO_COPY: Final = 0.02
"""Depth, in copies, that stray reads make where there is none."""
_SHRINK: Final = 10
"""Samples that the spread of all pieces counts as, beside a piece's own."""
_ABOUT: Final = 2
"""Hundredths of G and C by which shares are alike; a piece farther from every stratum is not told of."""
_LEAST_STRATUM: Final = 50
"""Pieces of a like share of G and C, from which these have a median of their own."""
_TO_DEVIATION: Final = 1.4826
"""From a median absolute deviation to a standard deviation."""
_MOST_QUALITY: Final = 200
_NOT_AUTOSOMES: Final = ("X", "Y", "MT")


@dataclass(frozen=True)
class Normal:
    """Another sample of the same targets.

    Attributes:
        bases: int64[pieces], of reads on each.
        usual: int64[pieces], copies that the person has usually, 0 or less where nothing is to be told.
    """

    bases: NDArray[np.int64]
    usual: NDArray[np.int64]


@dataclass(frozen=True)
class TargetEvent:
    """Pieces one after the other with another number of copies than usual.

    Attributes:
        contig: where.
        start: 0-based, of the first piece.
        end: one past the last base of the last piece.
        before: one past the last base told of before it, 0 where there is none.
        behind: the first base told of behind it, absent where there is none.
        copies: in the cell.
        usual: copies that the person has usually.
        depth: mean, in copies.
        pieces: that tell of it.
        quality: Phred, against the usual number, at most 200.
    """

    contig: str
    start: int
    end: int
    before: int
    behind: int | None
    copies: int
    usual: int
    depth: float
    pieces: int
    quality: int


@dataclass(frozen=True)
class TargetCopies:
    """What depth says of the copies of a sample's targets.

    Attributes:
        events: gains and losses, in order.
        normals: samples that it was compared with.
        told: pieces that can be told of.
        untold: pieces of which a person has copies, and that are read too thinly or unevenly.
        spread: standard deviation of a piece's depth, as a share of it, the median.
    """

    events: tuple[TargetEvent, ...]
    normals: int
    told: int
    untold: int
    spread: float


def pieces_of(targets: Sequence[Interval]) -> tuple[Interval, ...]:
    """Targets in pieces of about :data:`PIECE` bases."""
    return tuple(piece for target in targets for piece in _cut(target))


def _cut(target: Interval) -> Iterator[Interval]:
    parts = max(1, round(len(target) / PIECE))
    edges = [target.start + number * len(target) // parts for number in range(parts + 1)]
    for start, end in itertools.pairwise(edges):
        yield Interval(target.contig, start, end)


def bases_on(depths: Depths, pieces: Sequence[Interval]) -> NDArray[np.int64]:
    """Bases of a sample's reads on each piece, int64[pieces], in the bins of 100 that it touches.

    A bin at its edge is counted whole, in this sample as in those that it is compared with.
    """
    number = {name: index for index, (name, _) in enumerate(depths.contigs)}
    total = np.concatenate([[0], np.cumsum(depths.bins)])
    first = np.array([depths.first_bin[number[piece.contig]] + piece.start // BIN for piece in pieces], np.int64)
    last = np.array([depths.first_bin[number[piece.contig]] - (-piece.end // BIN) for piece in pieces], np.int64)
    bases: NDArray[np.int64] = total[last] - total[first]
    return bases


def write_bases(bases: NDArray[np.int64], path: Path) -> None:
    """Keep what :func:`bases_on` counted."""
    np.save(path, bases, allow_pickle=False)


def read_bases(path: Path) -> NDArray[np.int64]:
    """What :func:`write_bases` kept."""
    bases: NDArray[np.int64] = np.load(path, allow_pickle=False)
    return bases


def copies_of_targets(
    own: Normal, normals: Sequence[Normal], pieces: Sequence[Interval], strong: NDArray[np.int64] | None = None
) -> TargetCopies | str:
    """Gains and losses of a sample's targets, or why none can be told.

    Args:
        own: the sample.
        normals: others of the same pieces, at least :data:`LEAST_NORMALS`.
        pieces: of the targets, by contig and place.
        strong: int64[pieces], their shares of G and C in hundredths (:func:`share_of_strong`), by which depth is
            corrected; uncorrected when absent.
    """
    if len(normals) < LEAST_NORMALS:
        return too_few(len(normals))
    autosomal = np.array([bare_contig(piece.contig) not in _NOT_AUTOSOMES for piece in pieces], bool)
    if np.median(own.bases[autosomal]) < _LEAST_READS * _USUAL_READ:
        return f"half of its targets have fewer than {_LEAST_READS:.0f} reads"
    depth = _scaled(own, autosomal)
    gc = np.zeros(len(pieces), np.int64) if strong is None else strong
    panel = _most_alike(depth, np.stack([_scaled(one, autosomal) for one in normals]), autosomal)
    strata = _strata(gc, autosomal)
    raw = _by_piece(np.nanmedian, panel)
    panel = np.stack([_level(row, raw, autosomal, gc, strata) for row in panel])
    middle = _by_piece(np.nanmedian, panel)
    reads = np.where(middle > 0, middle, 0.0) * _median(own, autosomal) / _USUAL_READ
    spread = _spread(panel, middle, reads, autosomal)
    told = (own.usual > 0) & (reads >= _LEAST_READS) & (spread <= _MOST_SPREAD)
    told &= (strata < 0) | (np.abs(gc - strata) <= _ABOUT)
    if (told & autosomal).sum() < LEAST_TOLD:
        return f"fewer than {LEAST_TOLD} pieces of its targets are read deeply and evenly enough to be compared"
    ratio = np.ones(len(pieces))
    ratio[told] = _level(depth, middle, told & autosomal, gc, strata)[told] / middle[told]
    noise = spread * max(1.0, _deviation(((ratio - 1) / spread)[told & autosomal]))
    events = tuple(_events(pieces, ratio, noise, own.usual, told))
    untold = int((own.usual > 0).sum() - told.sum())
    return TargetCopies(events, len(panel), int(told.sum()), untold, round(float(np.median(noise[told])), 4))


def _median(one: Normal, autosomal: NDArray[np.bool_]) -> float:
    return max(1.0, float(np.median(one.bases[autosomal])))


def _scaled(one: Normal, autosomal: NDArray[np.bool_]) -> NDArray[np.float64]:
    """float64[pieces], bases that two copies would have, beside the median of autosomal pieces; NaN where unknown."""
    usual = np.where(one.usual > 0, one.usual, np.nan)
    return 2 * one.bases / usual / _median(one, autosomal)


def _most_alike(
    own: NDArray[np.float64], panel: NDArray[np.float64], autosomal: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """Of float64[samples, pieces] the rows whose ratios to the sample's own spread least."""
    usable = autosomal & (own > 0)
    with np.errstate(divide="ignore", invalid="ignore"):
        spreads = [_deviation(row[usable] / own[usable]) / np.median(row[usable] / own[usable]) for row in panel]
    order = np.argsort(np.nan_to_num(spreads, nan=np.inf, posinf=np.inf), kind="stable")[:_MOST_ALIKE]
    return panel[np.sort(order)]


def _by_piece(of: Callable[..., NDArray[np.float64]], panel: NDArray[np.float64]) -> NDArray[np.float64]:
    """float64[pieces], a number of each piece's column; 0 where too few normals know it."""
    known = np.sum(~np.isnan(panel), axis=0) >= LEAST_NORMALS // 2
    told = np.zeros(panel.shape[1])
    told[known] = of(panel[:, known], axis=0)
    return told


def _spread(
    panel: NDArray[np.float64], middle: NDArray[np.float64], reads: NDArray[np.float64], autosomal: NDArray[np.bool_]
) -> NDArray[np.float64]:
    """float64[pieces], standard deviation as a share of the median; infinite where there is none.

    A piece's own, of a few samples, is drawn towards what the number of its reads and the kit's usual spread make.
    """
    able = middle > 0
    ratio = np.full(panel.shape, np.nan)
    ratio[:, able] = panel[:, able] / middle[able]
    own = np.square(_TO_DEVIATION * _by_piece(np.nanmedian, np.abs(ratio - 1)))
    of_chance = 1 / np.maximum(reads, 1.0)
    beyond = own[able & autosomal] - of_chance[able & autosomal]
    expected = of_chance + (max(0.0, float(np.median(beyond))) if beyond.size else 0.0)
    samples = np.sum(~np.isnan(ratio), axis=0)
    drawn = np.sqrt((_SHRINK * expected + samples * own) / (_SHRINK + samples))
    return np.where(able, drawn, np.inf)


def _deviation(values: NDArray[np.float64]) -> float:
    """Standard deviation by the median of the distances from the median."""
    return _TO_DEVIATION * float(np.median(np.abs(values - np.median(values))))


def share_of_strong(pieces: Sequence[Interval], fasta: pysam.FastaFile) -> NDArray[np.int64]:
    """Share of G and C of each piece in hundredths, int64[pieces]."""
    shares, contig, bases = [], "", ""
    for piece in pieces:
        if piece.contig != contig:
            contig, bases = piece.contig, fasta.fetch(piece.contig).upper()
        strong = sum(bases.count(base, piece.start, piece.end) for base in "GC")
        shares.append(100 * strong // len(piece))
    return np.array(shares, np.int64)


def _strata(gc: NDArray[np.int64], among: NDArray[np.bool_]) -> NDArray[np.int64]:
    """int64[pieces], the next share of G and C that enough pieces have about; -1 of all where none has."""
    counts = np.bincount(gc[among], minlength=101)
    about = np.array([counts[max(0, share - _ABOUT) : share + _ABOUT + 1].sum() for share in range(101)])
    enough = np.flatnonzero(about >= _LEAST_STRATUM)
    if not enough.size:
        return np.full(gc.size, -1)
    nearest: NDArray[np.int64] = enough[np.argmin(np.abs(gc[:, None] - enough), axis=1)]
    return nearest


def _level(
    depth: NDArray[np.float64],
    middle: NDArray[np.float64],
    among: NDArray[np.bool_],
    gc: NDArray[np.int64],
    strata: NDArray[np.int64],
) -> NDArray[np.float64]:
    """A sample's depth, float64[pieces], without what its library does with G and C otherwise than the panel's.

    Pieces are divided by the median ratio of those about their stratum's share, which is the whole's without strata.
    """
    among = among & (middle > 0) & ~np.isnan(depth)
    ratio = np.divide(depth, middle, out=np.ones(depth.size), where=among)
    level = depth / max(float(np.median(ratio[among])), 1e-3)
    for share in np.unique(strata[strata >= 0]):
        alike = ratio[among & (np.abs(gc - share) <= _ABOUT)]
        if alike.size:
            level[strata == share] = depth[strata == share] / max(float(np.median(alike)), 1e-3)
    return level


def _events(
    pieces: Sequence[Interval],
    ratio: NDArray[np.float64],
    noise: NDArray[np.float64],
    usual: NDArray[np.int64],
    told: NDArray[np.bool_],
) -> Iterator[TargetEvent]:
    """Gains and losses; pieces that cannot be told of are passed over."""
    places = np.flatnonzero(told)
    group = [(pieces[place].contig, int(usual[place])) for place in places.tolist()]
    edges = [0, *(at for at in range(1, len(group)) if group[at] != group[at - 1]), len(group)]
    for first, last in itertools.pairwise(edges):
        if first < last:
            yield from _along(
                [pieces[int(at)] for at in places[first:last]], places[first:last], ratio, noise, group[first][1]
            )


def _along(
    pieces: Sequence[Interval],
    places: NDArray[np.int64],
    ratio: NDArray[np.float64],
    noise: NDArray[np.float64],
    usual: int,
) -> Iterator[TargetEvent]:
    """Gains and losses among pieces of one contig of which a person has so many copies usually."""
    from engine.structural.depth_kernels import course_of_targets

    copies = usual * ratio[places]
    likelihood = _log_likelihood(copies, usual * noise[places], usual)
    course = course_of_targets(likelihood, float(np.log(_ENTER)), float(np.log(_LEAVE)), usual)
    edges = [0, *(np.flatnonzero(np.diff(course)) + 1).tolist(), course.size]
    for first, last in itertools.pairwise(edges):
        state = int(course[first])
        if state == usual:
            continue
        against = likelihood[first:last, state].sum() - likelihood[first:last, usual].sum()
        yield TargetEvent(
            contig=pieces[first].contig,
            start=pieces[first].start,
            end=pieces[last - 1].end,
            before=pieces[first - 1].end if first else 0,
            behind=pieces[last].start if last < len(pieces) else None,
            copies=state,
            usual=usual,
            depth=round(float(copies[first:last].mean()), 3),
            pieces=last - first,
            quality=max(0, min(_MOST_QUALITY, round(float(10 * against / np.log(10))))),
        )


def _log_likelihood(copies: NDArray[np.float64], noise: NDArray[np.float64], usual: int) -> NDArray[np.float64]:
    """float64[pieces, states]; noise is that of the usual copies, and grows with the root of what is counted."""
    means = np.array([_NO_COPY, *range(1, _MOST_COPIES + 1)], np.float64)
    spread = noise[:, None] * np.sqrt(np.maximum(means, 0.25) / usual)
    normal = np.exp(-0.5 * ((copies[:, None] - means) / spread) ** 2) / (spread * np.sqrt(2 * np.pi))
    likelihood: NDArray[np.float64] = np.log((1 - _OUTLIER) * normal + _OUTLIER / (_MOST_COPIES + 1))
    return likelihood
