"""What a read name says of where the read comes from: the platform, its flow cell and lane. No file is opened here.

Each sequencer has its own form of name. What cannot be told from a name is absent, never guessed; the place of a
cluster on its tile is read by the kernels of :mod:`engine.reads.duplicate_kernels`, UMIs by
:mod:`engine.reads.umi_kernels`.

>>> origin_of("A00354:1305:H72CFDSXF:2:1101:1027:1986:ACGTT+GTCAA").platform_unit
'H72CFDSXF.2'
>>> origin_of("V300046476L1C001R00100001719")
ReadOrigin(platform='DNBSEQ', platform_unit='V300046476.1')
>>> origin_of("SRR1770413.1") is None
True
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ILLUMINA = "ILLUMINA"
"""Platform of reads whose names do not tell another: what most of the archives' renamed reads are of."""


@dataclass(frozen=True)
class ReadOrigin:
    """What a read name tells of its sequencing.

    Attributes:
        platform: PL in the terms of the SAM specification 1.3.
        platform_unit: PU: flow cell and lane, or the run where the platform has no lanes.
    """

    platform: str
    platform_unit: str


_CLUSTER = r"(?P<instrument>[^:]+):(?P<run>[^:]*):(?P<cell>[^:]*):(?P<lane>\d+):(?P<tile>\d+):\d+:\d+"
# Illumina (bcl2fastq, BCL Convert), Element (bases2fastq) and MGI's Illumina-like names have the same seven fields;
# a UMI follows as one more field or after an underscore.
_SEVEN_FIELDS = re.compile(_CLUSTER + r"(?:[:_#/].*)?")
_ELEMENT_INSTRUMENT = re.compile(r"AV\d{6}|SDF-\d+")
_MGI_INSTRUMENT = re.compile(r"(?:DNBSEQ|MGI|MGISEQ).*", re.IGNORECASE)
# MGI and BGI: flow cell, lane, column and row of the field of view, number (V300046476L1C001R00100001719).
_FIELD_OF_VIEW = re.compile(r"(?:[^:\s]*_)?(?P<cell>[A-Z]{1,3}\d{6,}[A-Z]*)L(?P<lane>\d)C\d{3}R\d{3}_?\d+(?:[_/:].*)?")
# Ultima: run, then the barcode's name, then a number (012345_1-X0003-0072646116, 012345-UGAv3-72-9871314132), or
# instrument and run before them (V115:429032-107901333-Z0001-CAGCTCGAATGCGAT:NA:...).
_ULTIMA = re.compile(r"(?P<run>\d{6}(?:_\d)?)-[A-Za-z]+(?:v\d+-\d+|\d{4})-\d{9,10}(?:_[ACGTN]+)?")
_ULTIMA_LONG = re.compile(r"V\d+:(?P<run>\d{5,6})-\d+-Z\d{4}-[ACGTN]+(?::.*)?")


def origin_of(read_name: str) -> ReadOrigin | None:
    """Platform and platform unit, ``None`` where the name has none of the known forms."""
    if found := _SEVEN_FIELDS.fullmatch(read_name):
        return ReadOrigin(_platform(found), _unit(found["cell"] or found["run"], found["lane"]))
    if found := _FIELD_OF_VIEW.fullmatch(read_name):
        return ReadOrigin("DNBSEQ", _unit(found["cell"], found["lane"]))
    if found := _ULTIMA.fullmatch(read_name) or _ULTIMA_LONG.fullmatch(read_name):
        return ReadOrigin("ULTIMA", found["run"])
    return None


def _platform(name: re.Match[str]) -> str:
    """Of a name with seven fields; Illumina's runs are numbers, Element's have names and tiles of five digits."""
    if _MGI_INSTRUMENT.fullmatch(name["instrument"]):
        return "DNBSEQ"
    named_run = not name["run"].isdigit() and len(name["tile"]) == 5
    return "ELEMENT" if named_run or _ELEMENT_INSTRUMENT.fullmatch(name["instrument"]) else ILLUMINA


def _unit(flow_cell: str, lane: str) -> str:
    return f"{flow_cell}.{lane}"
