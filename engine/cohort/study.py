"""What a study's cohort asks for, and who of the cohort fulfils it.

A definition is a value: criteria that all must hold, each empty where nothing is asked. Selecting applies them one
after the other and tells how many samples each leaves. Who carries an allele is found in
:mod:`engine.cohort.carrying`; where facts come from and what is kept of a selection is not decided here.

>>> facts = {"S1": Candidate(Person("P1", Sex.FEMALE, research_consent=("GRU",))), "S2": Candidate(Person("P2"))}
>>> select(StudyDefinition("women", "HMB", sexes=("female",)), facts, on="2026-01-01").members
('S1',)
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import asdict, dataclass, field, fields
from hashlib import sha256
from operator import eq, ge, gt, le, lt
from typing import Any

from engine.classify.decision import decided_class
from engine.consent import permits, purpose_of
from engine.errors import GenomicsError
from engine.person import Person, Sex
from engine.receipt import canonical_json
from engine.reference.panels import hgnc_letters

ZYGOSITIES = ("het", "hom", "hemi", "biallelic")
"""het: fewer copies than called; hom: all of two; hemi: the one of an X or Y; biallelic: two copies in one gene, of one
allele or of several, whatever their phase; the mitochondrion, of which a cell has many, is neither of the last two."""
_NAME = re.compile(r"[a-z0-9][a-z0-9_-]{0,63}")
_ALLELE = re.compile(r"(?:chr)?([0-9A-Za-z_.]+)-([1-9][0-9]{0,8})-([ACGT]+)-([ACGT]+)")
"""Positions have nine digits at most: more would not fit the tables' 32 bits."""
_QUALITY = re.compile(r"([a-z0-9_]+(?:\.[a-z0-9_]+)?) *(>=|<=|>|<|=) *(-?[0-9]+(?:\.[0-9]+)?)")
_HPO = re.compile(r"HP:[0-9]{7}")
_COMPARE: Mapping[str, Callable[[float, float], bool]] = {">=": ge, "<=": le, ">": gt, "<": lt, "=": eq}


class StudyError(GenomicsError):
    """A study's cohort is defined in a way that has no meaning, or is not there."""


@dataclass(frozen=True)
class StudyDefinition:
    """What a cohort asks for; all criteria must hold, and of one's values any.

    Attributes:
        name: of the cohort: lower case letters, digits, ``_`` and ``-``.
        purpose: what for, as :func:`engine.consent.purpose_of` gives it; who did not agree to it is no member.
        phenotypes: HPO terms, each with its kinds.
        without: HPO terms that nobody may have, nor a kind of them.
        sexes: as the sheet states them.
        ancestries: as the sheet states them, whatever their case.
        genes: symbols. Without classes, genes with an allele of high or moderate impact.
        variants: alleles as ``contig-position-ref-alt``, normalised, contig without ``chr``.
        classes: of the five classes: the laboratory's own, else ClinVar's. With genes, of an allele in one of them.
        zygosities: of :data:`ZYGOSITIES`; of the allele that the other criteria ask for.
        quality: measures of the samples' artifacts, such as ``mean_coverage>=20``; all of them must hold.
    """

    name: str
    purpose: str
    phenotypes: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    sexes: tuple[str, ...] = ()
    ancestries: tuple[str, ...] = ()
    genes: tuple[str, ...] = ()
    variants: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    zygosities: tuple[str, ...] = ()
    quality: tuple[str, ...] = ()

    @property
    def asks_genotypes(self) -> bool:
        """Whether it matters what somebody carries."""
        return bool(self.genes or self.variants or self.classes)

    @property
    def criteria(self) -> dict[str, Any]:
        """What is asked, without what is not, by field; name and purpose apart."""
        return {name: list(value) for name, value in asdict(self).items() if isinstance(value, tuple) and value}

    @property
    def digest(self) -> str:
        """sha256 of all that is asked."""
        return sha256(canonical_json([self.name, self.purpose, self.criteria]).encode()).hexdigest()


def define(name: str, purpose: str, **criteria: Collection[str]) -> StudyDefinition:
    """A definition of what people write; values in the order of the alphabet, each once.

    Raises:
        StudyError: a criterion's value has no meaning.
        ConsentError: the purpose is none.
        ClassificationError: there is no such class.
    """
    if not _NAME.fullmatch(name):
        raise StudyError(
            f"{name!r} cannot be the name of a cohort",
            remedy="use up to 64 lower case letters, digits, _ or -, beginning with a letter or digit",
        )
    read = {key: tuple(sorted({_READ[key](value) for value in values})) for key, values in criteria.items()}
    made = StudyDefinition(name, purpose_of(purpose), **read)
    if made.zygosities and not made.asks_genotypes:
        raise StudyError("a zygosity is asked for of no allele", remedy="name genes, variants or classes beside it")
    if "biallelic" in made.zygosities and not made.genes:
        raise StudyError("biallelic is asked for in no gene", remedy="name the genes beside it")
    return made


def _of_pattern(pattern: re.Pattern[str], example: str, upper: bool = False) -> Callable[[str], str]:
    def read(text: str) -> str:
        value = text.strip().upper() if upper else text.strip()
        if not pattern.fullmatch(value):
            raise StudyError(f"{text!r} cannot be asked for", remedy=f"write it as {example}")
        return value

    return read


def _one_of(values: Collection[str]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text.strip().lower() not in values:
            raise StudyError(f"{text!r} cannot be asked for", remedy=f"write one of {', '.join(values)}")
        return text.strip().lower()

    return read


def allele_of(text: str) -> str:
    """An allele as tables name it; StudyError where the text is none.

    >>> allele_of("chr20-3082707-c-a")
    '20-3082707-C-A'
    """
    contig, dash, rest = text.strip().partition("-")
    found = _ALLELE.fullmatch(f"{contig}{dash}{rest.upper()}")
    if not found or found[3] == found[4]:
        raise StudyError(f"{text!r} is no allele", remedy="write it as 20-3082707-C-A, normalised, position 1-based")
    return "-".join(("MT" if found[1] == "M" else found[1], *found.groups()[1:]))


_READ: Mapping[str, Callable[[str], str]] = {
    "phenotypes": _of_pattern(_HPO, "HP:0001250", upper=True),
    "without": _of_pattern(_HPO, "HP:0001250", upper=True),
    "sexes": _one_of(tuple(map(str, Sex))),
    "ancestries": lambda text: text.strip().upper(),
    "genes": lambda text: hgnc_letters(text.strip()),
    "variants": allele_of,
    "classes": decided_class,
    "zygosities": _one_of(ZYGOSITIES),
    "quality": _of_pattern(_QUALITY, '"mean_coverage>=20"'),
}


@dataclass(frozen=True)
class Candidate:
    """A sample of the cohort, as far as a study may ask of it.

    Attributes:
        person: what the sheet says.
        measures: what was measured of its artifacts, by ``asset.measure``.
    """

    person: Person
    measures: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class Step:
    """A criterion, and how many samples fulfil it and all before it."""

    criterion: str
    left: int


@dataclass(frozen=True)
class Selection:
    """Who fulfils a definition.

    Attributes:
        definition: that was asked.
        members: sample ids in order.
        steps: the criteria in the order applied.
    """

    definition: StudyDefinition
    members: tuple[str, ...]
    steps: tuple[Step, ...]

    @property
    def digest(self) -> str:
        """As :func:`members_digest`."""
        return members_digest(self.members)


def members_digest(members: Collection[str]) -> str:
    """sha256 over sample ids in their order, one a line."""
    return sha256("".join(f"{one}\n" for one in sorted(members)).encode()).hexdigest()


def select(
    definition: StudyDefinition,
    candidates: Mapping[str, Candidate],
    *,
    on: str,
    kinds: Mapping[str, Collection[str]] | None = None,
    carriers: Collection[str] = (),
) -> Selection:
    """Apply a definition.

    Args:
        definition: what is asked.
        candidates: who could be a member, by sample id.
        on: the day on which consent must hold, ISO 8601.
        kinds: of each HPO term that is asked for its kinds, itself and earlier ids included.
        carriers: who carries what is asked for, where genotypes are.

    Raises:
        StudyError: a measure is asked for that no sample has, or that several artifacts have.
    """
    left = dict(sorted(candidates.items()))
    steps = [Step("in the cohort", len(left))]
    for criterion, holds in _tests(definition, candidates, on, kinds or {}, frozenset(carriers)):
        left = {sample: one for sample, one in left.items() if holds(sample, one)}
        steps.append(Step(criterion, len(left)))
    return Selection(definition, tuple(left), tuple(steps))


Holds = Callable[[str, Candidate], bool]


def _tests(
    asked: StudyDefinition,
    candidates: Mapping[str, Candidate],
    on: str,
    kinds: Mapping[str, Collection[str]],
    carriers: frozenset[str],
) -> Iterator[tuple[str, Holds]]:
    def signs(terms: Collection[str]) -> frozenset[str]:
        return frozenset(kind for term in terms for kind in (term, *kinds.get(term, ())))

    yield f"consent to {asked.purpose}", lambda _, one: permits(one.person.research_consent, asked.purpose, on)
    if asked.sexes:
        yield f"sex {_listed(asked.sexes)}", lambda _, one: str(one.person.sex) in asked.sexes
    if asked.ancestries:
        yield (
            f"ancestry {_listed(asked.ancestries)}",
            lambda _, one: (one.person.ancestry or "").upper() in asked.ancestries,
        )
    if asked.phenotypes:
        wanted = signs(asked.phenotypes)
        yield (
            f"phenotype {_listed(asked.phenotypes)} or a kind of it",
            lambda _, one: not wanted.isdisjoint(one.person.phenotype),
        )
    if asked.without:
        barred = signs(asked.without)
        yield (
            f"without phenotype {_listed(asked.without)} and its kinds",
            lambda _, one: barred.isdisjoint(one.person.phenotype),
        )
    for text in asked.quality:
        yield f"quality {text}", _measured(text, candidates)
    if asked.asks_genotypes:
        yield f"carries {genotype_told(asked)}", lambda sample, _: sample in carriers


def genotype_told(asked: StudyDefinition) -> str:
    """What must be carried, in words."""
    told = [_listed(one).replace("_", " ") for one in (asked.zygosities, asked.classes) if one]
    told += [f"allele {_listed(asked.variants)}"] if asked.variants else ["allele"]
    if asked.genes:
        told += ["of high or moderate impact"] if not (asked.classes or asked.variants) else []
        told += [f"in {_listed(asked.genes)}"]
    return " ".join(told)


def _measured(text: str, candidates: Mapping[str, Candidate]) -> Holds:
    """A test of a measure; one that was not measured of a sample is not fulfilled."""
    found = _QUALITY.fullmatch(text)
    assert found  # as the definition was read
    measure, compare, bound = found[1], _COMPARE[found[2]], float(found[3])
    known = {name for one in candidates.values() for name in one.measures}
    names = sorted(name for name in known if measure in (name, name.partition(".")[2]))
    if len(names) != 1:
        told = ", ".join(names) or ", ".join(sorted(known)) or "none yet"
        raise StudyError(
            f"{measure!r} is measured of {'several artifacts' if names else 'no sample'}",
            remedy=f"write one of these measures: {told}",
        )

    def holds(_: str, one: Candidate) -> bool:
        value = one.measures.get(names[0])
        return value is not None and compare(value, bound)

    return holds


def _listed(values: Collection[str]) -> str:
    return " or ".join(values)


CRITERIA = tuple(one.name for one in fields(StudyDefinition) if one.name not in ("name", "purpose"))
"""Fields of a definition that hold what is asked."""


@dataclass(frozen=True)
class StudyVersion:
    """A cohort as it was selected once; nothing of it is changed later.

    Attributes:
        definition: what was asked.
        version: from 1.
        data_versions: digest of each table and part of the knowledge that it was selected from.
        steps: the criteria with how many each left.
        members_digest: of the members when it was made.
        member_count: of them.
        person: who asked.
        reason: why.
        recorded: UTC time, ISO 8601; empty before it is kept.
    """

    definition: StudyDefinition
    version: int
    data_versions: Mapping[str, str]
    steps: tuple[Step, ...]
    members_digest: str
    member_count: int
    person: str
    reason: str
    recorded: str = ""

    @property
    def name(self) -> str:
        """Of the cohort."""
        return self.definition.name

    def __str__(self) -> str:
        return f"{self.name} version {self.version}"
