"""CanRisk's pedigree file, version 4, with what a report tells of its genes: the clinic loads it and estimates there.

No risk is reckoned here. A family that the clinic has entered in CanRisk is taken as its file tells it, and the results
of its target are filled in; without one the file holds the person and two parents of whom nothing is known.

Format: CanRisk Pedigree Data v4 File Format Specification
(https://canrisk.atlassian.net/wiki/spaces/FAQS/pages/2749661185), as the web service's own tests read it
(https://github.com/CCGE-BOADICEA/bws).

>>> print(new_family(Target("F", 45, 1980)).splitlines()[-1].split("\\t")[2:11])
['1', 'target', 'father', 'mother', 'F', '0', '0', '45', '1980']
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from engine.errors import ReportError

GENES: Final = ("BRCA1", "BRCA2", "PALB2", "ATM", "CHEK2", "BARD1", "RAD51D", "RAD51C", "BRIP1", "HOXB13")
"""In the order of the file's columns."""
COLUMNS: Final = (
    *("FamID", "Name", "Target", "IndivID", "FathID", "MothID", "Sex", "MZtwin", "Dead", "Age", "Yob"),
    *("BC1", "BC2", "OC", "PRO", "PAN", "Ashkn", *GENES, "ER:PR:HER2:CK14:CK56"),
)
Cancer = Literal["BC", "OC", "PC"]
"""Cancers of whose scores CanRisk knows: of the breast, the ovary and the prostate."""
Result = Literal["S:P", "S:N", "0:0"]
"""What a search of a gene found: a pathogenic variant, none; or that it was not looked at throughout."""
UNTESTED: Final[Result] = "0:0"
_VERSION = re.compile(r"##\s*CanRisk\s+4(\.0)?\s*", re.IGNORECASE)
_FAMILY: Final = "FAMILY"
_OLDEST: Final = 125


@dataclass(frozen=True)
class Target:
    """The person whose risk the clinic will ask for.

    Attributes:
        sex: ``F`` or ``M``.
        age: in years, now; absent where the clinic is to enter it.
        born: year of birth; the same.
    """

    sex: Literal["F", "M"]
    age: int | None = None
    born: int | None = None


@dataclass(frozen=True)
class Standing:
    """Where a person's polygenic score lies.

    Attributes:
        cancer: of which it is a score.
        alpha: square root of the share of the polygenic variance that the score explains, 0 to 1.
        z: standard deviations above the mean.
    """

    cancer: Cancer
    alpha: float
    z: float

    @property
    def line(self) -> str:
        """As the file's header has it."""
        return f"##PRS_{self.cancer}=alpha={self.alpha:g}, zscore={self.z:.4g}"


def new_family(target: Target) -> str:
    """A file of the person and two parents, with no result yet.

    Raises:
        ReportError: age or year of birth can be no person's.
    """
    if not 0 <= (target.age or 0) <= _OLDEST or (target.born is not None and not 1850 <= target.born <= 2200):
        raise ReportError(
            f"an age of {target.age} and {target.born} as year of birth are no person's",
            remedy="give the age in years and the year of birth with four digits",
        )
    rows = [
        _person("father", "M"),
        _person("mother", "F"),
        _person("target", target.sex, parents=("father", "mother"), age=target.age, born=target.born, is_target=True),
    ]
    return "\n".join(["##CanRisk 4.0", "##" + "\t".join(COLUMNS), *("\t".join(row) for row in rows), ""])


def _person(
    name: str,
    sex: str,
    *,
    parents: tuple[str, str] = ("0", "0"),
    age: int | None = None,
    born: int | None = None,
    is_target: bool = False,
) -> list[str]:
    cancers = ["0"] * 5
    facts = [_FAMILY, name, str(int(is_target)), name, *parents, sex, "0", "0", str(age or 0), str(born or 0)]
    return [*facts, *cancers, "0", *[UNTESTED] * len(GENES), "0:0:0:0:0"]


def read_family(path: Path) -> str:
    """The text of a file that the clinic saved in CanRisk; ReportError where it cannot be read."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ReportError(f"the file cannot be read ({error})", file=path, remedy="save it in CanRisk again") from error


def filled(
    family: str, sex: str, results: Mapping[str, Result], standings: Sequence[Standing], named: Path | None = None
) -> str:
    """The family's file with the target's genes and scores filled in; all else stays as it is.

    Args:
        family: text of a CanRisk file, version 4, of one family.
        sex: of the person, ``F`` or ``M``, who has to be the target.
        results: by gene; of a gene that was not looked at the file keeps what it says.
        standings: at most one of each cancer.
        named: how the file is called, for errors.

    Raises:
        ReportError: it is of another version or damaged, has not one target, the target is of the other sex, or it
            tells something else of a gene or of a score.
    """
    lines = family.splitlines()
    if not lines or not _VERSION.fullmatch(lines[0]):
        raise _wrong("it is no CanRisk file of version 4", named, "save the family in CanRisk, which writes version 4")
    header = next((number for number, line in enumerate(lines) if line.startswith("##FamID")), None)
    if header is None or tuple(lines[header].removeprefix("##").split()) != COLUMNS:
        raise _wrong("its columns are not those of version 4", named, "save the family in CanRisk again")
    rows = {number: _parts(line) for number, line in enumerate(lines[header + 1 :], header + 1) if line.strip()}
    if damaged := next((number for number, row in rows.items() if len(row) != len(COLUMNS)), None):
        raise _wrong(f"line {damaged + 1} has not {len(COLUMNS)} columns", named, "save the family in CanRisk again")
    targets = [number for number, row in rows.items() if row[COLUMNS.index("Target")] == "1"]
    if len(targets) != 1:
        raise _wrong(f"it has {len(targets)} targets", named, "mark the person as the one target in CanRisk")
    (place,) = targets
    lines[place] = "\t".join(_with_results(rows[place], sex, results, named))
    lines[header:header] = _new_lines(lines[:header], standings, named)
    return "\n".join([*lines, ""])


def _parts(line: str) -> list[str]:
    """Columns of a line: parted by tabs, where a name may hold a space, or by whatever is white."""
    parts = line.split("\t")
    return parts if len(parts) == len(COLUMNS) else line.split()


def _with_results(row: Sequence[str], sex: str, results: Mapping[str, Result], named: Path | None) -> list[str]:
    if row[COLUMNS.index("Sex")] != sex:
        raise _wrong("its target is of the other sex", named, "take the file of this person's family")
    told = list(row)
    for gene, result in results.items():
        column = COLUMNS.index(gene)
        there = told[column]
        if UNTESTED not in (there, result) and there[-1] != result[-1]:
            raise _wrong(
                f"it says {there} of {gene} in the target, and the report {result}",
                named,
                "find out which of the two is right, and correct the other",
            )
        told[column] = there if result == UNTESTED or there != UNTESTED else result
    return told


def _new_lines(above: Sequence[str], standings: Sequence[Standing], named: Path | None) -> list[str]:
    """Lines of scores that the header lacks."""
    there = {line.partition("=")[0].lower(): line for line in above}
    for one in standings:
        name = one.line.partition("=")[0]
        if name.lower() in there and "".join(there[name.lower()].split()) != "".join(one.line.split()):
            raise _wrong(f"it has another {name.removeprefix('##')}", named, "leave the line out that does not hold")
    return [one.line for one in standings if one.line.partition("=")[0].lower() not in there]


def _wrong(problem: str, named: Path | None, remedy: str) -> ReportError:
    return ReportError(problem, file=named, remedy=remedy)
