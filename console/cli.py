"""The command line ``genomics COMMAND``: which commands there are, and how what went wrong is told.

What a command does is in :mod:`console.commands`. Exit codes: 0 done, 1 something could not be done (one message each
says what and how to go on), 2 wrong usage, 70 a fault of the program, whose trace is in a file, 130 interrupted.
"""

from __future__ import annotations

import argparse
import io
import os
import sys
import tempfile
import traceback
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import NoReturn

from console import (
    backups,
    beacon,
    catalogue,
    commands,
    datasets,
    deliveries,
    identities,
    keys,
    listing,
    metering,
    reanalysis,
    reports,
    sending,
    service,
    studies,
    tiers,
    tokens,
)
from console.adding import Command, adder
from console.couple import coupled
from console.dashboards import power_bi
from console.dossier import dossier
from console.knowledge import knowledge
from console.segregation import segregated
from console.submissions import clinvar
from console.why import why
from engine.errors import GenomicsError
from engine.storage import storage_error
from resources.audit import AuditError
from resources.deployment import as_served, elsewhere
from resources.environment import Resources, Settings, build_resources
from resources.recovery import recover
from resources.work_list import State

PROGRAM = "genomics"
DISTRIBUTION = "genomics-assets"
FAULT, INTERRUPTED = 70, 130
_WHO = "who decides (default: the user logged in)"


def console() -> NoReturn:
    """The installed command."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # whatever a terminal cannot show is written out
            stream.reconfigure(errors="backslashreplace")
    sys.exit(main(sys.argv[1:]))


def main(arguments: Sequence[str]) -> int:
    """Carry out one command; returns the exit code."""
    top = parser()
    _require_text(top, arguments)
    chosen = top.parse_args(arguments)
    command: Command = chosen.command
    try:
        if "elsewhere" in chosen:
            return service.ask(chosen)
        settings = Settings.from_environment(as_served())
        if told := elsewhere(settings):
            print(told, file=sys.stderr)
        platform = build_resources(settings)
        _recover(platform, chosen)
        code = command(platform, chosen)
        sys.stdout.flush()
        return code
    except GenomicsError as error:
        print(error, file=sys.stderr)
    except BrokenPipeError:  # whoever read the list has seen enough; what is left is written nowhere
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        print(storage_error(error, file="output"), file=sys.stderr)
    except KeyboardInterrupt:
        return INTERRUPTED
    except Exception as error:
        print(f"{PROGRAM} is at fault, not you: {_fault(error)}", file=sys.stderr)
        return FAULT
    return 1


def _recover(platform: Resources, chosen: argparse.Namespace) -> None:
    """Settle what a killed process left, before anything else; where the log is damaged, what only reads goes on."""
    if chosen.command in (commands.audit, commands.verify, backups.restore):
        return  # they look at the log as it is, or bring it
    try:
        for told in recover(platform):
            print(told, file=sys.stderr)
    except AuditError as error:
        if chosen.command not in (listing.samples, commands.sample):
            raise
        print(error, file=sys.stderr)


def _require_text(top: argparse.ArgumentParser, arguments: Sequence[str]) -> None:
    """Refuse words that are no text: neither the registry nor the audit log could hold them."""
    for word in arguments:
        if any("\ud800" <= sign <= "\udfff" for sign in word):
            top.error(f"{os.fsencode(word)!r} is no text in UTF-8")


def _fault(error: Exception) -> str:
    """What went wrong in a way that nobody foresaw, and where its trace is for those who mend it."""
    with tempfile.NamedTemporaryFile("w", prefix=f"{PROGRAM}-fault-", suffix=".txt", delete=False) as file:
        traceback.print_exception(error, file=file)
    said = f"{type(error).__name__}: {error}".rstrip(".")
    return f"{said}. Remedy: report it with the file {file.name}."


def parser() -> argparse.ArgumentParser:
    """Every command with its options."""
    top = argparse.ArgumentParser(
        prog=PROGRAM,
        description="What a person does by hand at the platform. The deployment is that of the GENOMICS_ variables, "
        "else the one that was served last.",
        epilog=f"{PROGRAM} COMMAND --help shows a command's options.",
    )
    top.add_argument("--version", action="version", version=f"{PROGRAM} {version(DISTRIBUTION)}")
    added = top.add_subparsers(required=True, metavar="COMMAND")

    add = adder(added)
    listed = add("samples", "list where every sample stands, why, and what to do", listing.samples)
    shown = add("sample", "show a sample's artifacts, checks and history", commands.sample)
    override = add("override", "let one version of an artifact through a failed check", commands.override)
    retry = add("retry", "ask for another run of samples as they are", commands.retry)
    withdraw = add("withdraw", "take a sample out: it is not run again, and leaves the cohort", commands.withdraw)
    reinstate = add("reinstate", "let a withdrawn sample take part again", commands.reinstate)
    identify = add("identify", "take a table of who the persons are", identities.identify)
    identify.add_argument("file", metavar="FILE", help="the table, CSV or Excel; - for standard input")
    identify.add_argument("--mrn-system", metavar="URI", help="who assigned record numbers whose row does not say it")
    looked_up = add("identity", "show who the person of a sample is, and note who looked", identities.identity)
    withdraw.add_argument(
        "--forget",
        metavar="SUBJECT",
        help="destroy the key of the sample's person, named here again: nobody reads who it was any more",
    )
    keys.add_to(add("keys", "show the keys that wrap persons' keys; rotate them", keys.keys))
    sending.add_to(
        add("send", "write a sample's files for a recipient, encrypted (Crypt4GH)", sending.send),
        add("receive", "open what `send` wrote, and compare it with what was sent", sending.receive),
    )
    backups.add_to(
        add("backup", "copy registry, audit log, lake and cohort as of one moment", backups.backup),
        add("restore", "put a backup into an empty data folder", backups.restore),
    )
    tiers.add_to(
        add("tiers", "show what a policy would move to cheaper tiers, its costs, and what was asked back", tiers.tiers),
        add("rehydrate", "ask for what of a sample lies in the archive tier", tiers.bring_back),
        add("remove", "propose that an artifact's files go; a second person's word removes them", tiers.remove),
    )
    metering.add_to(add("metrics", "print what can be measured, as Prometheus reads it; or serve it", metering.meter))
    verify = add("verify", "read artifacts again and compare every sha256", commands.verify)
    deliver = add("deliver", "send signed reports to the hospital's systems", deliveries.deliver)
    delivered = add("deliveries", "list reports on their way to the hospital", deliveries.deliveries)
    export = add(
        "export", "write signed reports as NDJSON, to fill a FHIR server for the first time", deliveries.export
    )
    export.add_argument("samples", nargs="+", metavar="SAMPLE", help="ids of samples")
    export.add_argument("--folder", type=Path, required=True, help="takes the files")
    export.add_argument("--base", metavar="URL", required=True, help="below which the server will read them")
    changed = add("changes", "list findings that were told otherwise than before, and why", reanalysis.changes)
    changed.add_argument("samples", nargs="*", metavar="SAMPLE", help="ids of samples, all by default")
    replay = add("replay", "show what would be said of a sample under other knowledge", reanalysis.replayed)
    replay.add_argument("sample", metavar="SAMPLE", help="the sample's id")
    replay.add_argument(
        "--knowledge", action="append", required=True, metavar="PART=RELEASE", help="a release; may be given again"
    )
    pair = add("couple", "put two samples side by side: what a child may have of both", coupled)
    pair.add_argument("one", metavar="SAMPLE", help="of one partner")
    pair.add_argument("other", metavar="SAMPLE", help="of the other")
    runs = add("segregation", "tell whether a variant is passed on with a dominant disease in a family", segregated)
    runs.add_argument("sample", metavar="SAMPLE", help="who is ill, carries it, and by whom the family was found")
    runs.add_argument("variant", metavar="20-3910800-CT-C", help="as the VCF writes it")
    for state in ("ill", "well"):
        runs.add_argument(f"--{state}", action="append", default=[], metavar="SAMPLE", help="who else is; repeat")
    risk = add("dossier", "tell what CanRisk asks of a sample's genes and scores, and write its file", dossier)
    risk.add_argument("sample", metavar="SAMPLE", help="sample or case")
    risk.add_argument("--canrisk", type=Path, metavar="FILE", help="takes the file, CanRisk's version 4")
    risk.add_argument("--family", type=Path, metavar="FILE", help="the family as the clinic saved it in CanRisk")
    risk.add_argument("--age", type=int, metavar="YEARS", help="of the person, where no family is given")
    risk.add_argument("--born", type=int, metavar="YEAR", help="of the person, where no family is given")
    risk.add_argument(
        "--score", action="append", default=[], metavar="BC=PGS...", help="of a cancer (BC, OC, PC); may be given again"
    )
    risk.add_argument("--person", help="who writes it (default: the user logged in)")
    known = add("knowledge", "show what the platform knows, of which release; or declare downloads", knowledge)
    known.add_argument(
        "--from", dest="source", metavar="FOLDER", help="declare what this folder of downloads, or its URL, holds"
    )
    known.add_argument("--held", action="store_true", help="list what releases would do that wait for a person")
    known.add_argument("--release", metavar="PART", help="let the release of this part that is held take force")
    known.add_argument("--person", help=_WHO)
    known.add_argument("--reason", default="", help="why it is released, in a sentence")
    written = add("dashboards", "write the Power BI project of the dashboards, with this lake and its teams", power_bi)
    written.add_argument("folder", type=Path, metavar="FOLDER", help="takes the project")
    submitted = add("clinvar", "write what was classified and signed as a submission to ClinVar", clinvar)
    submitted.add_argument("file", type=Path, metavar="FILE", help="takes the submission, JSON")
    submitted.add_argument("--person", help="who submits (default: the user logged in)")
    audit = add("audit", "verify the audit log's chain and its end", commands.audit)
    audit.add_argument("--accept", action="store_true", help="go on with a log that lost entries, as it is")
    audit.add_argument("--person", help=_WHO)
    audit.add_argument("--reason", help="why it is accepted, in a sentence")
    decided = add(
        "decide", "give an allele a class that stands above ClinVar's, for all who carry it", catalogue.decide
    )
    decided.add_argument("sample", metavar="SAMPLE", help="in whose report the question came up")
    decided.add_argument("variant", metavar="ALLELE", help="its key, 20-3910800-CT-C, or its HGVS name")
    decided.add_argument("--class", dest="classification", required=True, help="pathogenic to benign")
    decided.add_argument("--criteria", default="", help='those that apply: "PVS1,PM2=P"')
    decided.add_argument("--comment", required=True, help="why, in a sentence")
    decided.add_argument("--person", help=_WHO)
    catalogued = add("decisions", "list what people decided of alleles", catalogue.decisions)
    catalogued.add_argument("variant", nargs="?", metavar="ALLELE", help="only this one's, by its key")
    group: argparse.ArgumentParser = added.add_parser(
        "cohort", help="select cohorts for studies, and give lists out", description="Cohorts of studies."
    )
    studies.add_to(group, _add_decision)
    beacon.add_to(add("beacon", "answer how often an allele is in the cohort, after GA4GH's Beacon v2", beacon.beacon))
    programs: argparse.ArgumentParser = added.add_parser(
        "tokens", help="let programs use the service", description="Tokens of programs that use the service."
    )
    tokens.add_to(programs, _add_decision)
    service.add_to(
        add("submit", "hand samples in to a platform elsewhere, by its service", service.needs_none),
        add("state", "ask a platform elsewhere where a sample stands", service.needs_none),
        add("cancel", "end a sample's run on a platform elsewhere", service.needs_none),
        add("fetch", "fetch a sample's results from a platform elsewhere", service.needs_none),
    )
    other: argparse.ArgumentParser = added.add_parser(
        "dataset", help="import data of others, and ask them beside the cohort", description="Datasets of others."
    )
    datasets.add_to(other)
    asked = add("why", "say why a variant is or is not in a sample's report", why)
    reports.add_to(
        add("report", "show where a report stands, and its page", reports.report),
        add("sign", "review or sign what a report says", reports.sign),
    )
    for sub in (shown, override, withdraw, reinstate, looked_up, asked):
        sub.add_argument("sample", metavar="SAMPLE", help="the sample's id")
    asked.add_argument("variant", metavar="VARIANT", help="its key, 20-3910800-CT-C, or its HGVS name")
    override.add_argument("asset", metavar="ASSET", help="whose check it is")
    override.add_argument("check", metavar="CHECK", help="the failed check")
    _add_several(retry, "--failed", "every sample that failed, or of them what the filters leave")
    listed.add_argument("--state", action="append", choices=tuple(State), help="only these; may be given again")
    retry.set_defaults(state=None)
    for sub in (listed, retry):
        sub.add_argument("--stage", help="only those that stand at this artifact")
        sub.add_argument("--family", help="only those of this family")
        sub.add_argument("--why", metavar="TEXT", help="only those whose reason holds this text")
    _add_several(verify, "--all", "every sample")
    _add_several(deliver, "--failed", "every sample whose delivery was refused or failed")
    delivered.add_argument("sample", nargs="?", metavar="SAMPLE", help="only this sample's")
    delivered.add_argument("--failed", action="store_true", help="only what was refused or failed, and waits")
    for sub in (override, retry, withdraw, reinstate, identify, looked_up):
        _add_decision(sub)
    return top


def _add_several(sub: argparse.ArgumentParser, option: str, meaning: str) -> None:
    sub.add_argument("samples", nargs="*", metavar="SAMPLE", help="ids of samples")
    sub.add_argument(option, action="store_true", dest="whole", help=meaning)
    sub.set_defaults(option=option)


def _add_decision(sub: argparse.ArgumentParser) -> None:
    sub.add_argument("--person", help=_WHO)
    sub.add_argument("--reason", required=True, help="why, in a sentence")


if __name__ == "__main__":
    console()
