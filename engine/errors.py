"""What the platform says when something is wrong: one clear error that names sample, file, place and remedy.

Every error that a user can cause derives from :class:`GenomicsError`. Raise it where the cause is known; the
caller that knows more (the sample, say) adds it with :meth:`GenomicsError.about`.

>>> error = FastqError("read 2 ends 3 reads before read 1", file="S1_R2.fastq.gz", place="read 104",
...                    remedy="copy the file again and compare its md5")
>>> print(error.about(sample="S1"))
sample S1: S1_R2.fastq.gz, read 104: read 2 ends 3 reads before read 1. Remedy: copy the file again and compare its md5.
"""

from __future__ import annotations

from pathlib import Path
from typing import Self


class GenomicsError(Exception):
    """Something a user can mend, told once.

    Attributes:
        problem: what is wrong, without a full stop.
        remedy: what to do next, without a full stop.
        sample: the sample id, absent where no sample is concerned or it is not yet known.
        file: the file at fault, absent where there is none.
        place: where in the file (a line, a read, ``chr20:1,234`` 1-based), absent where it is the whole.
    """

    def __init__(
        self,
        problem: str,
        *,
        remedy: str,
        sample: str | None = None,
        file: str | Path | None = None,
        place: str | None = None,
    ) -> None:
        self.problem = problem
        self.remedy = remedy
        self.sample = sample
        self.file = None if file is None else str(file)
        self.place = place
        super().__init__(problem)

    def about(self, *, sample: str | None = None, file: str | Path | None = None) -> Self:
        """Add what the place that raised could not know; what it did know stays."""
        self.sample = self.sample or sample
        self.file = self.file or (None if file is None else str(file))
        return self

    def __str__(self) -> str:
        where = ", ".join(part for part in (self.file, self.place) if part)
        parts = [f"sample {self.sample}" if self.sample else "", where, self.problem]
        return ": ".join(part for part in parts if part) + f". Remedy: {self.remedy}."

    def __reduce__(self) -> tuple[object, ...]:
        return (_restore, (type(self), self.__dict__.copy()))


def _restore(kind: type[GenomicsError], state: dict[str, str | None]) -> GenomicsError:
    error = kind(state["problem"] or "", remedy=state["remedy"] or "")
    error.__dict__.update(state)
    return error


class SampleSheetError(GenomicsError):
    """A sample sheet, or one of its rows, cannot be accepted."""


class FastqError(GenomicsError):
    """A FASTQ file is missing, damaged, or does not belong with its mate."""


class AlignmentFileError(GenomicsError):
    """A BAM or CRAM file is damaged, unsorted, or lacks what the next step needs."""


class VariantFileError(GenomicsError):
    """A VCF, gVCF or BCF file is damaged or lacks what the next step needs."""


class ReferenceMismatchError(GenomicsError):
    """Data belongs to another reference than the one in use."""


class KnowledgeError(GenomicsError):
    """A knowledge source (reference, gene model, ClinVar) is missing, damaged or declared wrongly."""


class GateError(GenomicsError):
    """A quality gate is shut: the sample may not go on until it is mended or overridden by a person."""


class LakeError(GenomicsError):
    """A published artifact is missing or is not what its receipt says."""


class ClassificationError(GenomicsError):
    """Evidence for or against a variant is written in a way that has no meaning."""


class ReportError(GenomicsError):
    """A report cannot be issued or signed as it is, or would say of one person what is known of another."""


class DeliveryError(GenomicsError):
    """A report did not reach the hospital's system, or may not be sent there."""


class ToolError(GenomicsError):
    """An external tool is absent, too old, or failed."""
