"""The receipt that travels with every artifact: what it is, what it was made from, by what, and what was measured.

A receipt becomes the materialization's metadata and data version, the gate's evidence and the FHIR Provenance
resource. It is a value and its JSON form; where artifacts and receipts are kept is the lake's business.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from engine.errors import LakeError

SCHEMA = 1
"""Version of the receipt's form; a change that an earlier release would misread counts it up."""
Measure = int | float | str | bool | None | list[float] | list[int] | list[str]
"""A measured value: a number or text, absent when undefined, or a series for a plot."""


@dataclass(frozen=True)
class ArtifactFile:
    """One file of an artifact.

    Attributes:
        name: file name inside the artifact's folder.
        sha256: of its content, hex.
        bytes: its size.
    """

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True)
class Recipe:
    """Everything that decides an artifact's content: equal recipes make equal artifacts.

    Attributes:
        inputs: data version of each upstream artifact by asset name.
        tools: version of each tool by name.
        knowledge: version of each knowledge source by name.
        parameters: options that change the result (threads and paths do not).
    """

    inputs: Mapping[str, str] = field(default_factory=dict)
    tools: Mapping[str, str] = field(default_factory=dict)
    knowledge: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)

    @property
    def digest(self) -> str:
        """sha256 of the recipe's canonical JSON."""
        return hashlib.sha256(canonical_json(asdict(self)).encode()).hexdigest()


@dataclass(frozen=True)
class Receipt:
    """What was published, made from what, by what.

    Attributes:
        asset: name of the asset.
        sample: sample id, absent for knowledge and other artifacts that belong to no sample.
        data_version: digest of the files' contents (see :func:`content_version`).
        files: the artifact's files, ordered by name.
        records: number of records (reads, variants, rows, resources): the unit is the asset's own.
        recipe: inputs, tools, knowledge and parameters.
        measures: what was measured while making it: the evidence for quality checks.
        created: UTC time of publication, ISO 8601 to the second.
    """

    asset: str
    sample: str | None
    data_version: str
    files: tuple[ArtifactFile, ...]
    records: int
    recipe: Recipe
    measures: Mapping[str, Measure]
    created: str

    def file(self, name: str) -> ArtifactFile:
        """The file of that name; KeyError if the artifact has none."""
        for file in self.files:
            if file.name == name:
                return file
        raise KeyError(f"{self.asset} has no file {name!r}, only {', '.join(f.name for f in self.files)}")

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, one trailing newline, with the schema's number."""
        return canonical_json({"schema": SCHEMA, **asdict(self)}, indent=2) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Receipt:
        """The receipt written by :meth:`to_json`, of this release or an earlier one.

        Raises:
            LakeError: the text is no receipt, contradicts itself, or was written by a newer release.
        """
        fields = _receipt_fields(text)
        schema = fields.pop("schema", SCHEMA)  # the first release wrote none
        if type(schema) is not int:
            raise _no_receipt("its schema is not a number")
        if schema > SCHEMA:
            raise LakeError(
                f"the receipt has schema {schema}, this release knows {SCHEMA}",
                remedy="use the release of the platform that wrote it, or a newer one",
            )
        try:
            files = tuple(ArtifactFile(**file) for file in fields.pop("files"))
            receipt = cls(files=files, recipe=Recipe(**fields.pop("recipe")), **fields)
        except (KeyError, TypeError) as error:
            raise _no_receipt(f"its fields are not those of a receipt: {error}") from error
        if wrong := _wrong_field(receipt):
            raise _no_receipt(f"{wrong} does not hold what it should")
        if receipt.data_version != content_version(receipt.files):
            raise _no_receipt("its data version is not that of its files")
        return receipt


def _receipt_fields(text: str) -> dict[str, Any]:
    try:
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise _no_receipt("it is empty" if not text.strip() else f"it is not JSON: {error}") from error
    if not isinstance(fields, dict):
        raise _no_receipt("it is not a JSON object")
    return fields


def _wrong_field(receipt: Receipt) -> str | None:
    """Name of the first field that holds something else than :class:`Receipt` says, if one does."""
    recipe = receipt.recipe
    sound = {
        "asset": isinstance(receipt.asset, str),
        "sample": receipt.sample is None or isinstance(receipt.sample, str),
        "data_version": isinstance(receipt.data_version, str),
        "files": all(_is_sound(file) for file in receipt.files),
        "records": type(receipt.records) is int,
        "recipe": all(isinstance(part, dict) for part in vars(recipe).values()),
        "measures": isinstance(receipt.measures, dict),
        "created": isinstance(receipt.created, str),
    }
    return next((name for name, right in sound.items() if not right), None)


def _is_sound(file: ArtifactFile) -> bool:
    """Whether a file's description is one, and names no place outside the artifact's folder."""
    plain = isinstance(file.name, str) and Path(file.name).name == file.name
    return plain and isinstance(file.sha256, str) and type(file.bytes) is int


def _no_receipt(problem: str) -> LakeError:
    return LakeError(
        f"the receipt cannot be read, {problem}",
        remedy="restore the receipt from a backup, or materialize the artifact again with recompute",
    )


DATA_VERSION = "data version"
"""Begins what stands for the release of a source that states none."""


def canonical_json(value: Any, indent: int | None = None) -> str:
    """JSON with sorted keys; NaN and infinities are refused."""
    return json.dumps(value, sort_keys=True, indent=indent, ensure_ascii=False, allow_nan=False)


def content_version(files: Iterable[ArtifactFile]) -> str:
    """Data version of an artifact: the first 32 hex digits of a sha256 over its files' names and digests.

    >>> content_version([ArtifactFile("a.bam", "00", 1)]) == content_version([ArtifactFile("a.bam", "00", 2)])
    True
    """
    digest = hashlib.sha256()
    for file in sorted(files, key=lambda file: file.name):
        digest.update(f"{file.name}\0{file.sha256}\n".encode())
    return digest.hexdigest()[:32]


def digest_text(text: str) -> str:
    """The first 32 hex digits of a text's sha256."""
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def describe_file(path: Path) -> ArtifactFile:
    """Name, sha256 and size of a file on disk."""
    with path.open("rb") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
    return ArtifactFile(path.name, digest, path.stat().st_size)
