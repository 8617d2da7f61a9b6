"""What a file is that is given as FASTQ and is none, by its first bytes, and the remedy. No file is opened here.

>>> what_it_is(b">chr1\\nACGT\\n", "S1_R1.fastq.gz")[0]
'this is FASTA, which has no qualities'
>>> what_it_is(b"@r1\\nACGT\\n+\\nII", "S1_R1.fastq") is None
True
"""

from __future__ import annotations

import re

START = 512
"""Bytes that are looked at; a tar archive tells what it is at byte 257."""

_FROM_SEQUENCER = "give the FASTQ files that the sequencer wrote"
_OF_ALIGNMENTS = "make FASTQ of it: samtools collate -Ou FILE | samtools fastq -1 R1.fq.gz -2 R2.fq.gz"
_UNPACK = "unpack it and give it plain, or compressed with gzip or bgzip"
_AS_TEXT = "save it as plain text without a byte order mark, or copy the original again"
_BY_START = (
    (rb"BAM\x01", "this is a BAM file", _OF_ALIGNMENTS),
    (rb"@(HD|SQ|RG|PG|CO)\t", "this is a SAM file", _OF_ALIGNMENTS),
    (rb">", "this is FASTA, which has no qualities", _FROM_SEQUENCER),
    (rb"##fileformat=VCF|BCF", "this is a VCF or BCF file", _FROM_SEQUENCER),
    (rb"\s*<", "this is HTML or XML: a server's page in place of the file", "download the file again"),
    (rb"\x1f\x8b", "the file is compressed twice", "unpack it once (gzip -d)"),
    (rb"\x1f[\x9d\xa0]", "this is a file of compress (.Z)", _UNPACK),
    (rb"7z\xbc\xaf", "this is a 7z archive", _UNPACK),
    (rb"NCBI\.sra", "this is an archive of SRA", "make FASTQ of it: fasterq-dump --split-files"),
    (rb"version https://git-lfs", "this is a pointer of Git LFS in place of the file", "fetch the file: git lfs pull"),
    (rb"\xff\xfe|\xfe\xff|\xef\xbb\xbf", "this is text as an editor of Windows writes it (byte order mark)", _AS_TEXT),
    (rb"(?s).{257}ustar", "this is a tar archive", "unpack it (tar -xf) and give the files in it"),
    (rb"\s", "the file begins with an empty line or a space", "remove it, or copy the original again"),
    (rb"[^\n]*\r(?!\n)", "lines end with a carriage return alone (old Macs)", "end them: tr '\\r' '\\n' < OLD > NEW"),
    (
        rb"@[^\n]*\n[ACGTNacgtn.]+\r?\n[ACGTNacgtn.]",
        "bases or qualities of a read go on over several lines",
        "write each read in four lines: seqtk seq OLD > NEW",
    ),
    (rb"@[^\n]*\n[ACGTNacgtn.]*[Uu]", "these are reads of RNA: a base is U", "give reads of DNA"),
)  # fmt: skip


def what_it_is(start: bytes, name: str) -> tuple[str, str] | None:
    """What is wrong and the remedy; ``None`` where the file looks like FASTQ or like nothing that is known.

    Args:
        start: its first bytes, unpacked, at most :data:`START`.
        name: of the file.
    """
    if name.endswith(".ora"):
        return "this is a file of DRAGEN ORA", "make FASTQ of it: orad FILE.ora"
    return next(((what, remedy) for pattern, what, remedy in _BY_START if re.match(pattern, start)), None)
