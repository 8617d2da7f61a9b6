"""The ancestry panel that the package peddy comes with: 23,770 sites and what 2,504 persons have there.

It is read from the package's own archive as PyPI has it, ``peddy-0.4.8.tar.gz`` (Pedersen and Quinlan, American Journal
of Human Genetics 2017, doi:10.1016/j.ajhg.2017.01.017; MIT; the persons are those of the open 1000 Genomes Project,
phase 3), so that nothing of it need be installed. In it

- ``peddy/GRCH37.sites`` and ``peddy/GRCH38.sites`` have a site a line: contig without ``chr``, 1-based position, REF
  and ALT, parted by colons;
- ``GRCH37.sites.bin.gz`` and ``GRCH38.sites.bin.gz``, which are the same, have a byte for each site and person: copies
  of GRCh37's ALT;
- the first line of ``peddy/pca.py`` has a digit for each person, the number of the continent in :data:`CONTINENTS`.

In GRCh38 238 of the sites have other alleles than in GRCh37, most of them REF and ALT exchanged, and two have come to
one place: copies that were counted in GRCh37 do not tell those, and they are left out.
"""

from __future__ import annotations

import gzip
import re
import tarfile
import zlib
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from engine.errors import KnowledgeError

CONTINENTS: Final = ("AFR", "AMR", "EAS", "EUR", "SAS")
"""The continental populations of the 1000 Genomes Project: Africa, America, East Asia, Europe, South Asia."""
_SITE: Final = re.compile(r"([^:]+):([1-9]\d*):([ACGT]):([ACGT])")
_LABELS: Final = re.compile(r'_str = "([0-4](?:\|[0-4])*)"')
_COUNTED: Final = "GRCh37"
"""The build whose ALT was counted."""
_MOST_COPIES: Final = 2
_LONGEST: Final = 16_000_000
"""Bytes of a text of it; the longest has 0.4 million."""
_FETCH_AGAIN: Final = "fetch peddy's archive from PyPI again (peddy-0.4.8.tar.gz)"


@dataclass(frozen=True)
class PublishedPanel:
    """The panel as it is published.

    Attributes:
        file: the archive.
        release: the package's name and version.
        contigs: of each site, without ``chr``.
        positions: int64[n], 0-based.
        ref: reference base of each.
        alt: other base of each.
        copies: uint8[n, persons], of ALT, 0 to 2.
        populations: of each person, one of :data:`CONTINENTS`.
    """

    file: Path
    release: str
    contigs: tuple[str, ...]
    positions: NDArray[np.int64]
    ref: tuple[str, ...]
    alt: tuple[str, ...]
    copies: NDArray[np.uint8]
    populations: tuple[str, ...]


def read_published(archive: Path, build: str) -> PublishedPanel:
    """The panel of a build.

    Args:
        archive: ``peddy-VERSION.tar.gz``.
        build: ``GRCh37`` or ``GRCh38``.

    Raises:
        KnowledgeError: it is no such archive, or a part of it is missing or damaged.
    """
    try:
        with tarfile.open(archive, "r:gz") as opened:
            parts = _Parts(archive, opened)
            sites, counted = (_sites(parts, f"{name.upper()}.sites") for name in (build, _COUNTED))
            populations = _populations(parts)
            copies = parts.numbers(f"{build.upper()}.sites.bin.gz", len(sites) * len(populations))
    except (OSError, EOFError, tarfile.TarError, zlib.error) as error:
        raise KnowledgeError(f"it cannot be read: {error}", file=archive, remedy=_FETCH_AGAIN) from error
    if len(sites) != len(counted):
        raise parts.damaged(f"it has {len(sites):,} sites of {build} and {len(counted):,} of {_COUNTED}")
    kept = _kept(sites, counted)
    return PublishedPanel(
        archive,
        parts.release,
        tuple(sites[row].contig for row in kept),
        np.array([sites[row].position for row in kept], np.int64),
        tuple(sites[row].ref for row in kept),
        tuple(sites[row].alt for row in kept),
        copies.reshape(len(sites), len(populations))[kept],
        populations,
    )


class _Site(NamedTuple):
    contig: str
    position: int
    ref: str
    alt: str


def _kept(sites: Sequence[_Site], counted: Sequence[_Site]) -> list[int]:
    """Rows of one place each that have the alleles by which copies were counted."""
    at_place = Counter((site.contig, site.position) for site in sites)
    return [
        row
        for row, (site, then) in enumerate(zip(sites, counted, strict=True))
        if site[2:] == then[2:] and at_place[site.contig, site.position] == 1
    ]


class _Parts:
    """The files of an archive, by their names in the folder of the package."""

    def __init__(self, archive: Path, opened: tarfile.TarFile) -> None:
        self.archive, self._opened = archive, opened
        files = [one for one in opened.getmembers() if one.isreg()]
        self._files = {Path(one.name).parts[-1]: one for one in files if Path(one.name).parts[1:-1] == ("peddy",)}
        named = {Path(one.name).parts[0] for one in self._files.values()}
        self.release = named.pop() if len(named) == 1 else "peddy"

    def text(self, name: str) -> list[str]:
        """The lines of a text."""
        return self._read(name).read(_LONGEST).decode("ascii", "replace").splitlines()

    def numbers(self, name: str, count: int) -> NDArray[np.uint8]:
        """So many bytes of a compressed file, which must have neither fewer nor more."""
        with gzip.open(self._read(name)) as stream:
            found = np.frombuffer(stream.read(count + 1), np.uint8)
        if found.size != count:
            raise self.damaged(f"{name} has not a byte for each site and person")
        if found.size and found.max() > _MOST_COPIES:
            raise self.damaged(f"{name} has a person with {found.max()} copies")
        return found

    def damaged(self, what: str) -> KnowledgeError:
        """An error about the archive."""
        return KnowledgeError(what, file=self.archive, remedy=_FETCH_AGAIN)

    def _read(self, name: str) -> IO[bytes]:
        stream = self._opened.extractfile(self._files[name]) if name in self._files else None
        if stream is None:
            raise self.damaged(f"it has no file peddy/{name}")
        return stream


def _sites(parts: _Parts, name: str) -> list[_Site]:
    return [_site(parts, name, number, line) for number, line in enumerate(parts.text(name), start=1)]


def _site(parts: _Parts, name: str, number: int, line: str) -> _Site:
    told = _SITE.fullmatch(line.strip())
    if told is None or told[3] == told[4]:
        raise parts.damaged(f"line {number:,} of {name} is no contig:position:REF:ALT")
    return _Site(told[1], int(told[2]) - 1, told[3], told[4])


def _populations(parts: _Parts) -> tuple[str, ...]:
    told = _LABELS.fullmatch((parts.text("pca.py") or [""])[0].strip())
    if told is None:
        raise parts.damaged("the first line of peddy/pca.py does not tell the persons' continents")
    return tuple(CONTINENTS[int(digit)] for digit in told[1].split("|"))
