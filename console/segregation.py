"""``genomics segregation``: whether a variant is passed on with a disease in a family that was sequenced here (PP1).

The pedigree is the registry's, the genotypes are called together from the gVCFs; who is ill only the person who asks
can say. Nothing is entered: PP1 is a person's decision (``genomics decide``).
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory

from console.choosing import find
from console.output import plain, print_json
from engine.acmg.cosegregation import Relative, Segregation, cosegregates, segregation
from engine.acmg.family_calls import Variant, carriers, variant_of
from engine.errors import ClassificationError
from engine.ops.joint_call import joint_call
from engine.person import Person
from engine.reference.accessions import bare_contig
from resources.environment import Resources

LIMITS = (
    "Dominant inheritance is assumed, and that the variant came into the family once. Who is well is not counted.",
    "Who is ill is as you stated; illness of another cause, and relatives who were not sequenced here, are not seen.",
)


def segregated(platform: Resources, chosen: argparse.Namespace) -> int:
    """Tell how a variant runs through the family of a sample that carries it, and what PP1 that gives."""
    proband = find(platform, chosen.sample)
    variant = variant_of(chosen.variant)
    people = _family(platform, proband)
    ill = {proband, *(find(platform, name) for name in chosen.ill)}
    well = {find(platform, name) for name in chosen.well}
    if strangers := sorted((ill | well) - set(people)):
        raise ClassificationError(
            f"{', '.join(strangers)} and {proband} are not of one family",
            remedy="give both one family_id, or the parents' ids, in a sheet",
        )
    if both := sorted(ill & well):
        raise ClassificationError(f"{', '.join(both)} cannot be both ill and well", remedy="state one of the two")
    states = dict.fromkeys(ill, True) | dict.fromkeys(well, False)
    carry = _called(platform, sorted(people), variant)
    found = segregation([_relative(name, people, states, carry) for name in people], proband)
    met = cosegregates([found])
    if chosen.json:
        print_json(vars(found) | {"criterion": str(met) if met else None, "limits": LIMITS})
        return 0
    for line in (*_lines(found, str(met) if met else None), *LIMITS):
        print(plain(line))
    return 0


def _family(platform: Resources, proband: str) -> dict[str, Person]:
    """Everybody who is linked with the proband by parents, or by the family's name."""
    everybody = {one.sample_id: one.person for one in platform.registry.samples() if not one.withdrawn}
    family, before = {proband}, 0
    while len(family) != before:
        before = len(family)
        names = {everybody[name].family_id for name in family} - {None}
        parents = {parent for name in family for parent in _parents(everybody[name])}
        family |= {
            name
            for name, one in everybody.items()
            if name in parents or one.family_id in names or not family.isdisjoint(_parents(one))
        }
    return {name: everybody[name] for name in sorted(family)}


def _parents(one: Person) -> set[str]:
    return {parent for parent in (one.father_id, one.mother_id) if parent}


def _called(platform: Resources, samples: list[str], variant: Variant) -> dict[str, bool | None]:
    contigs = platform.knowledge.bundle("reference_genome").contigs
    contig = next((one.name for one in contigs if bare_contig(one.name) == variant.contig), variant.contig)
    with TemporaryDirectory() as folder:
        calls = Path(folder) / "family.vcf.gz"
        joint_call(platform, samples, calls, f"{contig}:{variant.position}-{variant.position}")
        return carriers(calls, variant)


def _relative(
    name: str, people: Mapping[str, Person], ill: Mapping[str, bool], carry: Mapping[str, bool | None]
) -> Relative:
    """A parent who was not sequenced is left out: such a child is a founder, or of one parent."""
    father, mother = (
        parent if parent in people else None for parent in (people[name].father_id, people[name].mother_id)
    )
    return Relative(name, father, mother, ill.get(name), carry.get(name))


def _lines(found: Segregation, criterion: str | None) -> list[str]:
    told = {
        "ill, carries it": found.counted,
        "ill, does not carry it": found.lacking,
        "ill, not known whether": found.unknown,
        "well, carries it": found.well,
    }
    lines = [f"{what}: {', '.join(names)}" for what, names in told.items() if names]
    chance = f"by chance alone all counted would carry it with {found.chance:g}"
    if found.lacking:
        return [*lines, "an ill relative lacks it, which speaks against: PP1 is not met"]
    return [*lines, f"{chance}: {f'{criterion}, to be entered by genomics decide' if criterion else 'PP1 is not met'}"]
