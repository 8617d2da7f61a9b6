"""Commands of studies' cohorts: ``genomics cohort``. Each question is written to the audit log before it is answered.

No command shows who is a member; a list leaves by ``export`` alone, with those who agreed to its purpose.
"""

from __future__ import annotations

import argparse
import csv
import json
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from console.adding import adder
from console.choosing import person
from console.listing import print_table, since
from console.output import plain, print_json, require_new
from engine.cohort.disclosure import TOLD, disclosed
from engine.cohort.study import Step, StudyVersion, define
from engine.ops.joint_call import joint_call, require_callable
from engine.ops.studies import look, publish, refresh
from resources.decisions import require_reason
from resources.environment import Resources
from resources.studies import Release

_HEADER = ("COHORT", "VERSION", "MEMBERS", "PURPOSE", "MADE (UTC)", "BY", "ASKS FOR")
_OPTIONS = {
    "phenotypes": ("--phenotype", "HPO", "an HPO term or a kind of it"),
    "without": ("--without", "HPO", "nobody with this HPO term or a kind of it"),
    "sexes": ("--sex", "SEX", "female, male or unknown"),
    "ancestries": ("--ancestry", "WORD", "population as sheets state it"),
    "genes": ("--gene", "SYMBOL", "carries an allele in this gene: of high or moderate impact, or of a --class"),
    "variants": ("--variant", "ALLELE", "carries this allele, 20-3082707-C-A"),
    "classes": ("--class", "CLASS", "carries an allele of this class, the laboratory's own or ClinVar's"),
    "zygosities": ("--zygosity", "WORD", "of that allele: het, hom, hemi or biallelic"),
    "quality": ("--quality", "MEASURE", 'a measure with its bound, "mean_coverage>=20"; all must hold'),
}
"""Option, its value and meaning by criterion of a definition."""


def add_to(group: argparse.ArgumentParser, add_decision: Callable[[argparse.ArgumentParser], None]) -> None:
    """The commands below ``genomics cohort``.

    Args:
        group: the parser of that.
        add_decision: gives a command its options --person and --reason.
    """
    add = adder(group.add_subparsers(required=True, metavar="COMMAND"))
    defined = add("define", "select a cohort for a study and keep it under a name, in a new version", defining)
    defined.add_argument("--purpose", required=True, help="what for: GRU, HMB, DS:MONDO:0005027 or NRES")
    for criterion, (option, value, meaning) in _OPTIONS.items():
        defined.add_argument(
            option, dest=criterion, metavar=value, action="append", default=[], help=f"{meaning}; may be given again"
        )
    defined.add_argument("--try", dest="only_try", action="store_true", help="tell the counts, and keep nothing")
    shown = add("show", "show what a cohort asks for, and how many each criterion left", show)
    listed = add("list", "list all cohorts with their versions", listing)
    refreshed = add("refresh", "select every cohort anew from the data as they are", refreshing)
    exported = add("export", "write the list of a cohort's members who agreed to the purpose", export)
    exported.add_argument("--file", type=Path, required=True, help="takes the list, CSV; beside it a file that tells")
    exported.add_argument("--purpose", help="what for, where that is another purpose than the cohort's")
    called = add("call", "genotype a cohort's members who agreed to the purpose together, by GATK's rules", call)
    called.add_argument(
        "--file",
        type=Path,
        required=True,
        help="takes the calls: .vcf.gz, .vcf.bgz (Hail), .bcf, .pgen (PLINK 2) or .vcz (VCF Zarr)",
    )
    called.add_argument(
        "--from-tables", action="store_true", help="from the cohort's tables, where gVCFs are archived: without INFO"
    )
    called.add_argument("--region", help="chr20:3080000-3090000 or a contig; everything by default")
    called.add_argument("--purpose", help="what for, where that is another purpose than the cohort's")
    for sub in (defined, shown, exported, called):
        sub.add_argument("name", metavar="NAME", help="of the cohort")
    for sub in (shown, exported, called):
        sub.add_argument("--version", type=int, help="one version, the last by default")
    for sub in (defined, exported, called):
        add_decision(sub)
    for sub in (shown, listed, refreshed):
        sub.add_argument("--person", help="who asks (default: the user logged in)")


def defining(platform: Resources, chosen: argparse.Namespace) -> int:
    """Select a cohort, and keep it."""
    who = person(chosen)
    require_reason(who, chosen.reason, what="a cohort")
    asked = define(chosen.name, chosen.purpose, **{name: getattr(chosen, name) for name in _OPTIONS})
    what = {"cohort": asked.name, "purpose": asked.purpose, "criteria": asked.criteria, "reason": chosen.reason}
    platform.studies.asked(who, "define", what)
    selection, versions = look(platform, asked)
    if chosen.only_try:
        _tell_steps(chosen, {"cohort": asked.name, "criteria": asked.criteria}, selection.steps)
        return 0
    kept = platform.studies.keep(selection, versions, person=who, reason=chosen.reason)
    publish(platform)
    _tell_steps(chosen, _told(kept), kept.steps)
    if not chosen.json:
        print(f"{kept} has {kept.member_count:,} members")
    return 0


def show(platform: Resources, chosen: argparse.Namespace) -> int:
    """Show one version, and whether its members are still those."""
    platform.studies.asked(person(chosen), "show", {"cohort": chosen.name, "version": chosen.version})
    version = platform.studies.version(chosen.name, chosen.version)
    left = len(platform.studies.members(version))
    _tell_steps(chosen, _told(version) | {"members_left": left}, version.steps)
    if not chosen.json:
        told = f", of whom {version.member_count - left:,} were withdrawn since" if left < version.member_count else ""
        print(f"{version}, made {since(version.recorded)} by {plain(version.person)}: {plain(version.reason)}")
        print(f"{version.member_count:,} members{told}; list {version.members_digest}")
        for name, digest in sorted(version.data_versions.items()):
            print(f"  {name} {digest}")
    return 0


def listing(platform: Resources, chosen: argparse.Namespace) -> int:
    """List every version."""
    platform.studies.asked(person(chosen), "list")
    every = platform.studies.every()
    if chosen.json:
        print_json([_told(one) for one in every])
    elif every:
        print_table([_HEADER, *map(_cells, every)])
    print(f"{len({one.name for one in every}):,} cohorts in {len(every):,} versions", file=sys.stderr)
    return 0


def refreshing(platform: Resources, chosen: argparse.Namespace) -> int:
    """Select all anew, and tell which have new versions."""
    platform.studies.asked(person(chosen), "refresh")
    _, made = refresh(platform)
    if chosen.json:
        print_json([_told(one) for one in made])
        return 0
    for one in made:
        print(f"{one} has {one.member_count:,} members")
    print(f"{len(made):,} cohorts have other members than before", file=sys.stderr)
    return 0


def export(platform: Resources, chosen: argparse.Namespace) -> int:
    """Write the members who agreed to the purpose, and what the list is."""
    release, about = _released(platform, chosen)
    version = release.version
    _write(release, chosen.file, about)
    told = f"{len(release.members):,} of {version.member_count:,} members of {version} written to {chosen.file}"
    if chosen.json:
        print_json(_about(release) | {"file": str(chosen.file)})
    else:
        print(told)
    _tell_left_out(release)
    return 0


def call(platform: Resources, chosen: argparse.Namespace) -> int:
    """Genotype the members who agreed to the purpose together, and write what that is."""
    require_callable(chosen.file, chosen.region, platform.knowledge.bundle("reference_genome"))
    release, about = _released(platform, chosen)
    summary = joint_call(platform, release.members, chosen.file, chosen.region, from_tables=chosen.from_tables)
    told = _about(release) | {"file": str(chosen.file), "region": chosen.region, "records": summary.records}
    about.write_text(json.dumps(told, indent=2) + "\n")
    if chosen.json:
        print_json(told)
    else:
        print(f"{len(release.members):,} members of {release.version} genotyped together in {chosen.file}")
    _tell_left_out(release)
    return 0


def _released(platform: Resources, chosen: argparse.Namespace) -> tuple[Release, Path]:
    """What may leave into a file that is not there yet, and the path of what tells of it."""
    version = platform.studies.version(chosen.name, chosen.version)
    about = chosen.file.with_name(f"{chosen.file.name}.json")
    for path in (chosen.file, about):
        require_new(path)
    purpose = chosen.purpose or version.definition.purpose
    return platform.studies.release(version, purpose, person=person(chosen), reason=chosen.reason), about


def _tell_left_out(release: Release) -> None:
    for number, why in ((release.withdrawn, "was withdrawn"), (release.without_consent, "did not agree to it")):
        if number:
            print(f"{number:,} left out: {why}", file=sys.stderr)


def _write(release: Release, file: Path, about: Path) -> None:
    with file.open("x", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["sample_id"])
        writer.writerows([one] for one in release.members)
    about.write_text(json.dumps(_about(release), indent=2) + "\n")


def _about(release: Release) -> dict[str, Any]:
    """What a list is: its cohort, version and data, its purpose; of those who are not on it the counts that may leave.

    It leaves with the list, and whoever has both would count those who did not agree.
    """
    left_out = {"withdrawn": release.withdrawn, "without consent": release.without_consent}
    return _told(release.version) | {
        "members": disclosed(release.version.member_count),
        "released_for": release.purpose,
        "released": datetime.now(UTC).isoformat(timespec="seconds"),
        "members_written": len(release.members),
        "left_out": {why: disclosed(count) for why, count in left_out.items()},
        "disclosure": TOLD,
    }


def _told(one: StudyVersion) -> dict[str, Any]:
    return {
        "cohort": one.name,
        "version": one.version,
        "purpose": one.definition.purpose,
        "criteria": one.definition.criteria,
        "members": one.member_count,
        "members_digest": one.members_digest,
        "data_versions": dict(one.data_versions),
        "made": one.recorded,
        "person": one.person,
        "reason": one.reason,
    }


def _tell_steps(chosen: argparse.Namespace, said: dict[str, Any], steps: tuple[Step, ...]) -> None:
    if chosen.json:
        print_json(said | {"steps": [asdict(step) for step in steps]})
    else:
        print_table([(f"{step.left:,}", step.criterion) for step in steps])


def _cells(one: StudyVersion) -> tuple[str, ...]:
    asks = "; ".join(f"{name} {' or '.join(values)}" for name, values in one.definition.criteria.items())
    counts = (str(one.version), f"{one.member_count:,}")
    return (one.name, *counts, one.definition.purpose, since(one.recorded), one.person, asks or "consent alone")
