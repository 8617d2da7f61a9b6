"""The command that writes what the laboratory classified and signed as a submission to ClinVar."""

from __future__ import annotations

import argparse
import json
import sys

from console.choosing import person
from console.output import print_json, require_new
from engine.errors import GateError, LakeError
from engine.exchange.clinvar_submission import Signed, submission
from engine.receipt import digest_text
from resources.environment import Resources
from resources.signing import Reports

WRITTEN = "ClinVar submission written"
"""Kind of an event in the audit log."""


def clinvar(platform: Resources, chosen: argparse.Namespace) -> int:
    """Write the submission, once that is in the audit log; a case that cannot be read is named and left out."""
    require_new(chosen.file)
    signed: list[Signed] = []
    left_out = 0
    for sample in platform.registry.samples():
        if sample.withdrawn or platform.lake.receipt("statement", sample.sample_id) is None:
            continue
        try:
            draft = Reports(platform).draft(sample.sample_id)
        except (GateError, LakeError) as error:
            left_out += 1
            print(error.about(sample=sample.sample_id), file=sys.stderr)
            continue
        if draft.issue.is_signed:
            said = draft.statement
            signed += [Signed(one.row, said.build, said.case.person.subject_id) for one in said.findings]
    told = submission(signed)
    text = json.dumps(told, indent=2) + "\n"
    count = len(told["germlineSubmission"])
    platform.audit.record(person(chosen), WRITTEN, None, {"classifications": count, "digest": digest_text(text)})
    with chosen.file.open("x", encoding="utf-8") as stream:
        stream.write(text)
    if chosen.json:
        print_json({"file": str(chosen.file), "classifications": count, "left_out": left_out})
    else:
        print(f"{chosen.file}: {count:,} signed classifications, each as new")
        print("one that ClinVar has from you already is an update: give its SCV there", file=sys.stderr)
    return int(left_out > 0)
