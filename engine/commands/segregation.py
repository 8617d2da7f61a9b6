"""``genomics-engine segregation``: whether a variant is passed on with a disease, by a pedigree and joint calls."""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from engine.commands.files import STREAM, readable, staged
from engine.commands.options import UsageError, add_command
from engine.errors import ClassificationError

if TYPE_CHECKING:
    from engine.acmg.cosegregation import Relative, Segregation
    from engine.acmg.family_calls import Variant
    from engine.commands.options import Commands

HEADER = ("proband", "affected_carriers", "affected_without_it", "affected_unknown", "well_carriers", "chance")
_SEXES = ("1", "2", "0", "-9")
_AFFECTED: Mapping[str, bool | None] = {"2": True, "1": False, "0": None, "-9": None}


def add_segregation(commands: Commands) -> None:
    """Add the command."""
    parser = add_command(
        commands,
        "segregation",
        _segregation,
        "tell whether a variant is passed on with a dominant disease (PP1), by pedigrees and joint calls",
        "--pedigree FAMILIES.ped --proband NAME --variant 20-3910800-CT-C --input JOINT.vcf.gz",
        reference=False,
    )
    parser.add_argument(
        "--pedigree",
        type=Path,
        required=True,
        metavar="FAMILIES.ped",
        help="PED; 2 stands for ill",
    )
    parser.add_argument("--proband", action="append", required=True, metavar="NAME", help="one of each family; repeat")
    parser.add_argument("--variant", required=True, metavar="20-3910800-CT-C", help="as the VCF writes it")
    parser.add_argument("--input", type=Path, required=True, metavar="JOINT.vcf.gz", help="calls of the families")
    parser.add_argument(
        "--output", type=Path, default=STREAM, metavar="OUT.tsv", help=f"table: {', '.join(HEADER)}, met (default: -)"
    )


def _segregation(options: argparse.Namespace) -> None:
    from engine.acmg.cosegregation import cosegregates, segregation
    from engine.acmg.family_calls import carriers

    variant = _variant(options.variant)
    with readable(options.input) as calls:
        carry = carriers(calls, variant, options.input)
    with readable(options.pedigree) as pedigree:
        families = _families(pedigree, options.pedigree, carry)
    told = []
    for proband, family in _chosen(families, options.proband, options.pedigree).items():
        try:
            told.append(segregation(family, proband))
        except ClassificationError as error:
            raise error.about(file=options.pedigree) from None
    met = cosegregates(told)
    rows = [(*HEADER, "met"), *((*_row(one), str(met or "")) for one in told)]
    with staged(options.output) as output:
        output.write_text("".join("\t".join(row) + "\n" for row in rows))


def _variant(text: str) -> Variant:
    from engine.acmg.family_calls import variant_of

    try:
        return variant_of(text)
    except ClassificationError as error:
        raise UsageError(f"--variant {error.problem}: {error.remedy}") from error


def _families(pedigree: Path, named: Path, carriers: Mapping[str, bool | None]) -> dict[str, list[Relative]]:
    from engine.acmg.cosegregation import Relative
    from engine.files.text import text_lines

    families: dict[str, list[Relative]] = {}
    sexes: dict[tuple[str, str], str] = {}
    for number, line in enumerate(text_lines(pedigree, error=ClassificationError, may_have_mark=True), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        fields = line.split()
        if len(fields) < 6 or fields[5] not in _AFFECTED:
            raise ClassificationError(
                "the line is none of a pedigree",
                file=named,
                place=f"line {number:,}",
                remedy="write family, person, father, mother (0 for none), sex, and 2 (ill), 1 (well) or 0 (unknown)",
            )
        if fields[4] not in _SEXES:
            raise ClassificationError(
                f"PED has no sex {fields[4]!r}",
                file=named,
                place=f"line {number:,}",
                remedy="write 1 of a man, 2 of a woman, 0 where it is not known",
            )
        name, father, mother = (None if one == "0" else one for one in fields[1:4])
        one = Relative(name or "0", father, mother, _AFFECTED[fields[5]], carriers.get(name or "0"))
        families.setdefault(fields[0], []).append(one)
        sexes[fields[0], fields[1]] = fields[4]
    _require_sexes(families, sexes, named)
    return families


def _require_sexes(families: Mapping[str, list[Relative]], sexes: Mapping[tuple[str, str], str], named: Path) -> None:
    """Fathers are men and mothers women, else columns were changed for each other."""
    for family, people in families.items():
        for one in people:
            for what, parent, wrong in (("father", one.father, "2"), ("mother", one.mother, "1")):
                if parent and sexes.get((family, parent)) == wrong:
                    raise ClassificationError(
                        f"{parent!r} is the {what} of {one.name!r} and of sex {wrong}",
                        file=named,
                        place=f"family {family}",
                        remedy="write family, person, father, mother and sex (1 of men, 2 of women) in this order",
                    )


def _chosen(families: Mapping[str, list[Relative]], probands: Sequence[str], named: Path) -> dict[str, list[Relative]]:
    """The family of each proband; a family that was found by two people is one family's evidence, not two."""
    chosen: dict[str, list[Relative]] = {}
    taken: dict[str, str] = {}
    for proband in probands:
        found = [name for name, family in families.items() if any(one.name == proband for one in family)]
        if len(found) != 1:
            where = f"in {len(found)} families ({', '.join(found)})" if found else "in no family"
            raise ClassificationError(
                f"the proband {proband!r} is {where}", file=named, remedy="name a person of one family of the file"
            )
        if found[0] in taken:
            raise ClassificationError(
                f"{taken[found[0]]!r} and {proband!r} are both of the family {found[0]}, which would count twice",
                file=named,
                remedy="name one proband of each family",
            )
        chosen[proband], taken[found[0]] = families[found[0]], proband
    return chosen


def _row(one: Segregation) -> Iterator[str]:
    yield one.proband
    for names in (one.counted, one.lacking, one.unknown, one.well):
        yield ",".join(names)
    yield f"{one.chance:g}"
