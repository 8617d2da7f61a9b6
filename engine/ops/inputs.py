"""What an artifact may be made from: the kinds of things that a parameter of its function asks for.

A parameter's annotation says the kind, so that the function's signature is the whole declaration::

    def findings(
        making: Making,
        annotated_variants: Own,
        reference: Annotated[ReferenceBundle, Parts("reference_genome", "clinvar")],
        person: Annotated[Person, Facts("sex", "secondary_findings_consent")],
        father: Annotated[Kin | None, Parent("annotated_variants", "gvcf")],
    ) -> Computed: ...

Each kind says which assets it comes from (the edges of the lineage graph), opens the thing (through the gate where it
is an artifact of a person), and tells what of it decides the result (its share of the recipe). What was not asked for
is not there: a fact or an option that the annotation does not name raises :class:`UndeclaredInputError` when read.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, is_dataclass, replace
from enum import StrEnum
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

from engine.classify.decision import Decision
from engine.errors import GateError, KnowledgeError, LakeError
from engine.machines.work import Machines
from engine.ops.services import Lake, Participant, Registry, Services, Settings, Teams
from engine.person import Identity, Person, Sex
from engine.progress import Progress
from engine.reads.file_digests import FileDigests
from engine.reads.lane import Lane
from engine.receipt import DATA_VERSION, Measure, Receipt, describe_file, digest_text
from engine.reference.bundle import ReferenceBundle
from engine.report.issue import SignOut

if TYPE_CHECKING:
    from engine.dashboards.snapshot import CaseStanding
    from engine.fhir.transactions import Arrival
    from engine.hl7v2.message import Message
    from engine.hl7v2.parties import Address
    from engine.identity.relatives import Comparison, Sketched
    from engine.identity.sketch import Sketch

Value = TypeVar("Value")


class UndeclaredInputError(Exception):
    """A function reads what its parameters do not declare: a fault of the program, not of the data."""


@dataclass(frozen=True)
class Opened:
    """What a parameter is handed, and its share of the recipe.

    Attributes:
        value: for the function.
        inputs: data version of each artifact it stands for, by name.
        knowledge: what people call the versions of the knowledge among them.
        parameters: facts and options that decide the result.
    """

    value: Any
    inputs: Mapping[str, str] = field(default_factory=dict)
    knowledge: Mapping[str, str] = field(default_factory=dict)
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Scope:
    """In which deployment, and for whom, inputs are opened.

    Attributes:
        services: of the deployment.
        asset: the artifact that is to be made.
        sample: its sample, empty for what belongs to no sample.
    """

    services: Services
    asset: str
    sample: str


class Input(ABC):
    """One kind of input."""

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The assets it comes from: edges of the lineage graph. By default none.

        Args:
            parameter: that asks for it.
            settings: of the deployment.
            parts: of the knowledge, those that the deployment's reference has.
        """
        return ()

    @abstractmethod
    def open(self, parameter: str, scope: Scope) -> Opened:
        """Open it for one sample."""


class _Named(Input):
    """A kind of input that names what it takes."""

    def __init__(self, *names: str) -> None:
        self.names = names


@dataclass(frozen=True)
class Artifact:
    """A published artifact that may be used.

    Attributes:
        receipt: what it is.
    """

    receipt: Receipt
    _lake: Lake = field(repr=False)

    @property
    def measures(self) -> Mapping[str, Measure]:
        """What was measured when it was made."""
        return self.receipt.measures

    @property
    def folder(self) -> Path:
        """The folder of its files."""
        return self._lake.folder(self.receipt)

    def file(self, suffix: str) -> Path:
        """Its one file whose name ends so."""
        (name,) = [file.name for file in self.receipt.files if file.name.endswith(suffix)]
        return self._lake.path(self.receipt, name)


class _FromGate(Input):
    """The artifact of the same sample that is named like the parameter."""

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        return (parameter,)

    def open(self, parameter: str, scope: Scope) -> Opened:
        receipt = scope.services.gate.require(parameter, scope.sample)
        return Opened(Artifact(receipt, scope.services.lake), inputs={parameter: receipt.data_version})


Own = Annotated[Artifact, _FromGate()]
"""An artifact of the same sample; the parameter bears its name. It is opened through the gate."""


class OwnWith(_FromGate):
    """An artifact of the same sample as :data:`Own`, which there is where the reference has a part of the knowledge.

    Elsewhere there is no edge to it, and the parameter is handed nothing.

    Args:
        part: of the knowledge, such as ``star_alleles``.
    """

    def __init__(self, part: str) -> None:
        self.part = part

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The artifact, where there is one."""
        return super().assets(parameter, settings, parts) if self.part in parts else ()

    def open(self, parameter: str, scope: Scope) -> Opened:
        """Through its gate, or nothing."""
        return super().open(parameter, scope) if self.part in scope.services.knowledge.parts else Opened(None)


@dataclass(frozen=True)
class Kin:
    """A relative's artifacts, all of which may be used.

    Attributes:
        sample: sample id.
        artifacts: by asset name.
    """

    sample: str
    artifacts: Mapping[str, Artifact]

    def __getitem__(self, asset: str) -> Artifact:
        return self.artifacts[asset]


class Parent(_Named):
    """Artifacts of the father or the mother, as the parameter is named; absent where one cannot be used.

    A parent who has not come this far yet is done without; when he has, the child is run again (see the sensors).
    """

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The named artifacts of that parent."""
        return self.names

    def open(self, parameter: str, scope: Scope) -> Opened:
        """Both or nothing, each through its gate."""
        person = scope.services.registry.participant(scope.sample).person
        parent = {"father": person.father_id, "mother": person.mother_id}[parameter]
        receipts = {asset: self._usable(asset, parent, scope.services) for asset in self.names} if parent else {}
        if parent is None or not all(receipts.values()):
            return Opened(None)
        found = {asset: receipt for asset, receipt in receipts.items() if receipt}
        return Opened(
            Kin(parent, {asset: Artifact(receipt, scope.services.lake) for asset, receipt in found.items()}),
            inputs={f"{asset} of {parameter}": receipt.data_version for asset, receipt in found.items()},
        )

    def _usable(self, asset: str, sample: str, services: Services) -> Receipt | None:
        if services.lake.receipt(asset, sample) is None:
            return None
        try:
            return services.gate.require(asset, sample)
        except GateError:
            return None


@dataclass(frozen=True)
class CohortFiles:
    """Tables of every sample that takes part, and those of the cohort.

    Attributes:
        of_samples: artifacts by asset and sample.
        cohort: what the cohort's tables were published as, absent where they were not.
    """

    of_samples: Mapping[tuple[str, str], Artifact]
    cohort: Artifact | None


@dataclass(frozen=True)
class Beside:
    """A sample and all others that can be compared with it.

    Attributes:
        own: the sample, absent where it has no sketch of the current panel.
        others: every other sample that takes part and has one.
        comparison: what comparing them says against the sheet; empty where nobody can be compared.
    """

    own: Sketched | None
    others: tuple[Sketched, ...]
    comparison: Comparison


@dataclass(frozen=True)
class OthersOf(Input):
    """The sample beside every other one of the deployment, by the sketches of their genotypes.

    What contradicts the sheet is a share of the recipe, and so are the parents' artifacts: a sample is compared anew
    when these change, and stays as it is whoever else comes. Others are opened without their gates: a sample that stays
    behind its own may be the very one that this was taken for.

    Args:
        asset: the artifact that holds the sketches.
        panel: the part of the knowledge that they were made with.
    """

    asset: str
    panel: str

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """Both."""
        return (self.asset, self.panel)

    def open(self, parameter: str, scope: Scope) -> Opened:
        """Compare, so that what is found decides whether the artifact is fresh."""
        from engine.identity.declared_panel import autosomal_sites, load_panel, stretches_of
        from engine.identity.relatives import Comparison, compare

        services = scope.services
        if self.panel not in services.knowledge.parts:
            return Opened(Beside(None, (), Comparison(0, 0, 0, ())))
        panel = services.knowledge.require(self.panel)
        file = services.knowledge.bundle(self.panel).identity_panel
        assert file is not None  # the part is there
        every = {one.sample: one for one in self._sketched(services, panel.data_version)}
        own = every.pop(scope.sample, None)
        shares = {"inputs": {self.panel: panel.data_version}, "knowledge": releases([panel])}
        if own is None:
            return Opened(Beside(None, tuple(every.values()), Comparison(0, 0, 0, ())), **shares)
        comparison = compare(own, tuple(every.values()), stretches_of(autosomal_sites(load_panel(file))))
        for role, parent in (("father", own.person.father_id), ("mother", own.person.mother_id)):
            receipt = services.lake.receipt(self.asset, parent) if parent in every else None
            if receipt:
                shares["inputs"][f"{self.asset} of {role}"] = receipt.data_version
        told = {"contradictions": [asdict(one) for one in comparison.contradictions]}
        return Opened(Beside(own, tuple(every.values()), comparison), parameters=told, **shares)

    def _sketched(self, services: Services, panel: str) -> Iterator[Sketched]:
        from engine.identity.relatives import Sketched
        from engine.identity.sketch import file_name

        withdrawn = set(services.registry.withdrawn())
        for sample in services.registry.samples():
            if sample.sample_id in withdrawn:
                continue
            receipt = services.lake.receipt(self.asset, sample.sample_id)
            name = file_name(sample.sample_id, panel)
            if receipt and any(file.name == name for file in receipt.files):
                yield Sketched(sample.sample_id, sample.person, _sketch(services.lake.path(receipt, name)))


@lru_cache(maxsize=20_000)
def _sketch(path: Path) -> Sketch:
    """A published sketch, which never changes."""
    from engine.identity.sketch import read_sketch

    return read_sketch(path)


@dataclass(frozen=True)
class Alike:
    """Another sample of the deployment that was prepared and sequenced alike.

    Attributes:
        sex: of the person.
        file: of the artifact that was asked for.
    """

    sex: Sex
    file: Path


@dataclass(frozen=True)
class PanelOf(Input):
    """A panel of normals: the deployment's other samples that were measured alike, of other families.

    They are those that were registered first, as many as the largest of some sizes that are there. That size is a share
    of the recipe, and who the members are is not: a sample is made anew when the panel comes to its next size, and
    stays as it is when a member is withdrawn, who is in no panel from then on.

    Args:
        asset: the artifact that is compared.
        suffix: of its file.
        alike: the measure that members have in common with the sample.
        sizes: of a panel, in order.
    """

    asset: str
    suffix: str
    alike: str
    sizes: tuple[int, ...]

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The artifact, the sample's own and the others'."""
        return (self.asset,)

    def open(self, parameter: str, scope: Scope) -> Opened:
        """The members, fewer than the first size where there are no more."""
        own = scope.services.lake.receipt(self.asset, scope.sample)
        found = tuple(self._members(scope, own.measures.get(self.alike))) if own else ()
        size = max((size for size in self.sizes if size <= len(found)), default=0)
        return Opened(found[:size] if size else found, parameters={f"panel of {self.asset}": size})

    def _members(self, scope: Scope, alike: Measure) -> Iterator[Alike]:
        if not alike:
            return
        services, count = scope.services, 0
        own = services.registry.participant(scope.sample).person
        first = services.registry.first_registered()
        for other in sorted(services.registry.samples(), key=lambda one: (first[one.sample_id], one.sample_id)):
            if other.withdrawn or other.sample_id == scope.sample or _is_kin(own, scope.sample, other):
                continue
            receipt = services.lake.receipt(self.asset, other.sample_id)
            if receipt and receipt.measures.get(self.alike) == alike:
                yield Alike(other.person.sex, Artifact(receipt, services.lake).file(self.suffix))
                count += 1
            if count == self.sizes[-1]:
                return


def _is_kin(person: Person, sample: str, other: Participant) -> bool:
    """Whether the sheet holds both for one person, puts them into one family, or names one as the other's parent."""
    one_family = person.family_id is not None and person.family_id == other.person.family_id
    is_parent = other.sample_id in (person.father_id, person.mother_id)
    is_child = sample in (other.person.father_id, other.person.mother_id)
    return person.subject_id == other.person.subject_id or one_family or is_parent or is_child


class EverySample(_Named):
    """The named tables of every sample that takes part, as far as made, and the cohort's own."""

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The named artifacts and every table of the cohort."""
        from engine.cohort.models import cohort_models

        return (*self.names, *(model.name for model in cohort_models()))

    def open(self, parameter: str, scope: Scope) -> Opened:
        """Whatever is published: to be judged, not to be built upon, so no gate is asked."""
        lake = scope.services.lake
        found: dict[tuple[str, str], Artifact] = {}
        for sample in scope.services.registry.samples():
            for asset in self.names:
                if not sample.withdrawn and lake.receipt(asset, sample.sample_id):
                    found[asset, sample.sample_id] = Artifact(lake.require(asset, sample.sample_id), lake)
        cohort = Artifact(lake.require("cohort_tables"), lake) if lake.receipt("cohort_tables") else None
        versions = [f"{asset} {sample} {one.receipt.data_version}" for (asset, sample), one in sorted(found.items())]
        inputs = {"tables of every sample": digest_text("\n".join(versions))}
        if cohort:
            inputs["cohort_tables"] = cohort.receipt.data_version
        return Opened(CohortFiles(found, cohort), inputs=inputs)


class EveryCase(_Named):
    """Every case that takes part as it stands: what is said of it, who signed, whose it is, how it was measured.

    What may not be used (a shut gate, damage, a signature nobody gave) is not told, and the case is told as held.
    """

    def __init__(self, said: str, *measured: str) -> None:
        super().__init__(said, *measured)

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The named artifacts and the cohort's frequencies."""
        return (*self.names, _FREQUENCIES)

    def open(self, parameter: str, scope: Scope) -> Opened:
        """All of them."""
        lake, services = scope.services.lake, scope.services
        cases = standings(services, *self.names)
        receipt = lake.receipt("cohort_tables")
        cohort = Artifact(lake.require("cohort_tables"), lake) if receipt else None
        frequencies = cohort.file(f"{_FREQUENCIES}.parquet") if cohort else None
        told = {"cases": digest_text("\n".join(sorted(version for _, version in cases)))}
        inputs = {"cohort_tables": cohort.receipt.data_version} if cohort else {}
        return Opened(Everybody(tuple(case for case, _ in cases), frequencies), inputs=inputs, parameters=told)


def standings(services: Services, said: str, *measured: str) -> list[tuple[CaseStanding, str]]:
    """Every case that takes part as it stands, and what tells it from the same case at another time.

    Args:
        services: of the deployment.
        said: name of the artifact that says something of the case.
        measured: names of artifacts whose measures are told.
    """
    first, teams = services.registry.first_registered(), services.settings.teams
    return [
        _standing(
            services, sample, first[sample.sample_id], tuple(sorted(_teams_of(teams, sample.person))), said, measured
        )
        for sample in services.registry.samples()
        if not sample.withdrawn
    ]


def _standing(
    services: Services,
    sample: Participant,
    registered: str,
    teams: tuple[str, ...],
    said: str,
    measured: Sequence[str],
) -> tuple[CaseStanding, str]:
    from engine.dashboards.snapshot import CaseStanding
    from engine.report.statement_file import SUFFIX, read_statement

    held, receipt = False, None
    steps: tuple[SignOut, ...] = ()
    try:
        if services.lake.receipt(said, sample.sample_id) is not None:
            receipt = services.gate.require(said, sample.sample_id)
            steps = services.gate.sign_outs(sample.sample_id)
    except (GateError, LakeError):
        held, receipt, steps = True, None, ()
    receipts = {name: one for name in measured if (one := _whole(services.lake, name, sample.sample_id))}
    aligned = receipts.get("aligned_reads")
    case = CaseStanding(
        sample=sample.sample_id,
        person=sample.person,
        teams=teams,
        registered=registered,
        statement=read_statement(Artifact(receipt, services.lake).file(SUFFIX)) if receipt else None,
        held=held,
        steps=steps,
        measures={name: one.measures for name, one in receipts.items()},
        aligned=aligned.created if aligned else None,
    )
    versions = [one.data_version for one in (*([receipt] if receipt else []), *receipts.values())]
    facts = (
        sample.sample_id,
        teams,
        registered,
        held,
        case.aligned,
        versions,
        _plain(steps),
        _plain(sample.person),
    )
    return case, digest_text(repr(facts))


_FREQUENCIES = "cohort_allele_frequency"


def _teams_of(teams: Teams, person: Person) -> frozenset[str]:
    return teams.of(order=person.order_id, family=person.family_id)


def _whole(lake: Lake, asset: str, sample: str) -> Receipt | None:
    """The receipt, where one can be read."""
    try:
        return lake.receipt(asset, sample)
    except LakeError:
        return None


@dataclass(frozen=True)
class Everybody:
    """All cases as they stand.

    Attributes:
        cases: those that take part.
        frequencies: the cohort's table of allele frequencies, absent while there is none.
    """

    cases: tuple[CaseStanding, ...]
    frequencies: Path | None


class Parts(_Named):
    """Parts of the reference's knowledge as one :class:`~engine.reference.bundle.ReferenceBundle`.

    A part that the reference does not have is absent in the bundle, and so is every part that is not named.

    Args:
        names: assets of knowledge.
        only_if: under which options the parts beyond the first are taken; always where absent.
    """

    def __init__(self, *names: str, only_if: Callable[[Settings], bool] | None = None) -> None:
        super().__init__(*names)
        self.only_if = only_if

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The named parts, as far as the options ask for them."""
        return self.names if self.only_if is None or self.only_if(settings) else self.names[:1]

    def open(self, parameter: str, scope: Scope) -> Opened:
        """The parts that the reference has, as built."""
        knowledge = scope.services.knowledge
        names = self.assets(parameter, scope.services.settings, knowledge.parts)
        receipts = {part: knowledge.require(part) for part in names if part in knowledge.parts}
        return Opened(
            knowledge.bundle(*receipts),
            inputs={part: receipt.data_version for part, receipt in receipts.items()},
            knowledge=releases(receipts.values()),
        )


Genome = Annotated[ReferenceBundle, Parts("reference_genome")]
"""The reference's sequence, contigs and target regions, and nothing else of its knowledge."""


def releases(receipts: Iterable[Receipt]) -> dict[str, str]:
    """What people call the versions of knowledge, as the receipts of what was read say it.

    The genome's receipt names reference and build; any other part is named with its release, or with its data version
    where the source states none. The aligner's index is the genome in another form and has no name of its own.
    """
    named: dict[str, str] = {}
    for receipt in receipts:
        measures = receipt.measures
        if receipt.asset == "reference_genome":
            named |= {"reference": str(measures["name"]), "build": str(measures["build"])}
        elif receipt.asset != "aligner_index":
            named[receipt.asset] = str(measures.get("release") or f"{DATA_VERSION} {receipt.data_version[:12]}")
    return named


class Facts(_Named):
    """The person, of whom the function reads these facts and no other.

    A parent who was withdrawn is no fact any more: no row names him again, and nothing waits for him.
    """

    def open(self, parameter: str, scope: Scope) -> Opened:
        """The person as the registry knows it now."""
        registry = scope.services.registry
        person = without_withdrawn(registry.participant(scope.sample).person, registry)
        stated = {name: _plain(getattr(person, name)) for name in self.names}
        return Opened(only(person, self.names, scope.asset), parameters=stated)


def without_withdrawn(person: Person, registry: Registry) -> Person:
    """The person without parents who were withdrawn."""
    if not (person.father_id or person.mother_id):
        return person
    gone: dict[str, Any] = {
        name: None for name in ("father_id", "mother_id") if getattr(person, name) in registry.withdrawn()
    }
    return replace(person, **gone) if gone else person


class _Decided(Input):
    """The laboratory's decisions on alleles that the sample's annotated variants hold: of no other is a thing known."""

    def assets(self, parameter: str, settings: Settings, parts: Collection[str] = ()) -> tuple[str, ...]:
        return ("annotated_variants",)

    def open(self, parameter: str, scope: Scope) -> Opened:
        standing = scope.services.catalogue.current()
        if not standing:
            return Opened(())
        receipt = scope.services.gate.require("annotated_variants", scope.sample)
        carried = _carried(Artifact(receipt, scope.services.lake).file(".parquet"), standing)
        decisions = tuple(standing[allele] for allele in carried)
        return Opened(decisions, parameters={"decisions": [asdict(one) for one in decisions]} if decisions else {})


def _carried(annotated: Path, alleles: Iterable[str]) -> list[str]:
    """Of some alleles those that a sample carries, by itself or made of several calls, or within one."""
    import duckdb

    from engine.duckdb_paths import as_pattern

    within = " ".join(
        f"UNION SELECT unnest([one.allele FOR one IN coalesce({many}, [])]) FROM calls" for many in _TOGETHER
    )
    with duckdb.connect() as db:
        rows = db.execute(
            f"WITH calls AS (SELECT allele, {', '.join(_TOGETHER)} FROM read_parquet($1)) "
            f"SELECT allele FROM (SELECT allele FROM calls {within}) WHERE list_contains($2, allele) ORDER BY allele",
            [as_pattern(annotated), list(alleles)],
        ).fetchall()
    return [allele for (allele,) in rows]


_TOGETHER = ("compounds", "known_parts")
Decided = Annotated[tuple[Decision, ...], _Decided()]
"""What people of the laboratory decided of alleles that the sample carries."""


class _Written(Input):
    """The sample's id as the laboratory writes it."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        name = scope.services.registry.participant(scope.sample).name
        return Opened(name, parameters={"written": name} if name else {})


Written = Annotated[str | None, _Written()]
"""The sample's id as the laboratory writes it, absent where that is the sample id."""


class Options(_Named):
    """The deployment's options, of which the function reads these and no other."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        """As the deployment was started."""
        settings = scope.services.settings
        chosen = {name: _plain(getattr(settings, name)) for name in self.names}
        return Opened(only(settings, self.names, scope.asset), parameters=chosen)


@dataclass(frozen=True)
class Sources:
    """Declared source files of a part of the knowledge, and what the declaration says of them.

    Attributes:
        files: the declared file by name, absent where the reference has none.
        facts: what the declaration says, by field.
    """

    files: Mapping[str, Path | None]
    facts: Mapping[str, Any]

    def file(self, name: str) -> Path:
        """A file that the reference declares."""
        path = self.files[name]
        assert path is not None  # the first is required when it is opened
        return path


class Declared(_Named):
    """Source files that the reference's YAML names; the first of them is required.

    Args:
        names: fields of the declaration that hold files.
        facts: fields of the declaration that hold something else.
    """

    def __init__(self, *names: str, facts: Iterable[str] = ()) -> None:
        super().__init__(*names)
        self.facts = tuple(facts)

    def open(self, parameter: str, scope: Scope) -> Opened:
        """The files with their sha256, and the facts."""
        declaration = scope.services.knowledge.declaration
        files = {name: declaration.source(name) for name in self.names}
        if files[self.names[0]] is None:
            raise KnowledgeError(
                f"the reference declares no {scope.asset}",
                remedy=f"add {scope.asset} to its YAML, or leave this asset out of the run",
            )
        facts = {name: getattr(declaration, name) for name in self.facts}
        present = [file for path in files.values() if path is not None for file in _files(path)]
        digests = {path.name: describe_file(path).sha256 for path in present}
        stated = {name: _plain(value) for name, value in facts.items()}
        return Opened(Sources(files, facts), parameters={"sources": digests, **stated})


def _files(path: Path) -> list[Path]:
    """A file, or those of a folder."""
    if path.is_dir():
        return sorted(file for file in path.iterdir() if file.is_file())
    return [path] if path.is_file() else []


@dataclass(frozen=True)
class Delivery:
    """The FASTQ files that the laboratory delivered of one sample.

    Attributes:
        lanes: in the order of the sheet.
        landing: the landing zone they lie in.
        record: keeps the digests of what was verified; an error where another sample has the same file.
    """

    lanes: tuple[Lane, ...]
    landing: Path
    record: Callable[[Sequence[FileDigests]], None]


class _AsDelivered(Input):
    """The sample's reads as the sheet names them."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        registry, landing = scope.services.registry, scope.services.landing_zone.root.resolve()
        lanes = registry.participant(scope.sample).lanes
        delivery = Delivery(lanes, landing, lambda files: registry.record_digests(scope.sample, files))
        return Opened(delivery, parameters={"lanes": [_stated(lane, landing) for lane in lanes]})


Delivered = Annotated[Delivery, _AsDelivered()]
"""The sample's FASTQ files where they landed."""


def _stated(lane: Lane, landing: Path) -> dict[str, Any]:
    """A lane as the sheet has it, and what tells a replaced file from the one that was read, without reading it."""
    return {
        "lane": lane.name,
        "read1": [*_file_facts(lane.read1, landing), lane.md5_read1],
        "read2": [*_file_facts(lane.read2, landing), lane.md5_read2],
        "quality_encoding": str(lane.quality_encoding),
    }


def _file_facts(path: Path, landing: Path) -> list[str | int]:
    """Place in the landing zone, size, time of change."""
    from engine.reads.manifest import require_landed

    facts = require_landed(path, landing).stat()
    return [path.relative_to(landing).as_posix(), facts.st_size, facts.st_mtime_ns]


@dataclass(frozen=True)
class LandedFiles:
    """Where FASTQ files lie; which of them belong to the sample is said by ``raw_reads``.

    Attributes:
        root: the landing zone.
        sha256: digest of a file's content, from memory where the file is untouched.
    """

    root: Path
    sha256: Callable[[Path], str]


class _Landed(Input):
    """The landing zone as the place of files that are known by digest: no share of the recipe."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        return Opened(LandedFiles(scope.services.landing_zone.root.resolve(), scope.services.lake.sha256))


Landed = Annotated[LandedFiles, _Landed()]
"""The folder where the sample's FASTQ files lie."""


class _Previous(Input):
    """The current version of the artifact that is to be made."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        lake = scope.services.lake
        receipt = lake.previous(scope.asset, scope.sample)
        return Opened(Artifact(receipt, lake) if receipt and lake.is_whole(receipt) else None)


Previous = Annotated[Artifact | None, _Previous()]
"""What was published before, absent where nothing was, or where it is damaged."""


@dataclass(frozen=True)
class Standing:
    """How far a sample's reports have come.

    Attributes:
        sign_outs: reviews and signatures, oldest first.
        signed: what was signed, by digest, as far as it is still kept.
    """

    sign_outs: tuple[SignOut, ...]
    signed: Mapping[str, Artifact]


@dataclass(frozen=True)
class StandingOf(Input):
    """Who reviewed and signed what was said of the sample: each step makes anew what tells of it.

    Args:
        asset: the artifact whose ``statement_digest`` is signed.
    """

    asset: str

    def open(self, parameter: str, scope: Scope) -> Opened:
        """Each step as the audit log confirms it."""
        lake, sign_outs = scope.services.lake, scope.services.gate.sign_outs(scope.sample)
        signatures = [one for one in sign_outs if one.signs]
        kept = lake.history(self.asset, scope.sample) if signatures else []
        signed = {one.digest: found for one in signatures if (found := _signed(one, kept))}
        artifacts = {digest: Artifact(receipt, lake) for digest, receipt in signed.items() if lake.is_whole(receipt)}
        stated = {"sign_outs": [asdict(one) for one in sign_outs]}
        return Opened(Standing(sign_outs, artifacts), parameters=stated)


def _signed(sign_out: SignOut, kept: Sequence[Receipt]) -> Receipt | None:
    """The version that was current when it was signed."""
    found = [one for one in kept if one.measures.get("statement_digest") == sign_out.digest]
    return next((one for one in reversed(found) if one.created <= sign_out.recorded), None)


@dataclass(frozen=True)
class OnFile:
    """Who the person is, to be looked up where it is needed and nowhere else.

    Attributes:
        identified: when it was said, which decides freshness in place of what was said; absent while nobody has.
        look_up: tells it, once the look is written to the audit log.
    """

    identified: str | None
    look_up: Callable[[], Identity]


class _Identified(Input):
    """The identity of the person, of which the recipe holds no more than when it was said."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        identities, sample = scope.services.identities, scope.sample
        subject = scope.services.registry.participant(sample).person.subject_id
        said = identities.identified(subject)

        def look_up() -> Identity:
            return identities.look_up(subject, who="system", purpose=scope.asset, sample=sample)

        return Opened(OnFile(said, look_up), parameters={"identified": said})


Identified = Annotated[OnFile, _Identified()]
"""Who the person is, for what goes to the person's clinician."""


@dataclass(frozen=True)
class Recipient:
    """To whom a report is delivered.

    Attributes:
        destination: base URL of the server, absent where reports are delivered nowhere.
        takes_unsigned: whether reports that nobody has signed are delivered.
        deliver: sends a sample's bundle; DeliveryError where it cannot be sent.
    """

    destination: str | None
    takes_unsigned: bool
    deliver: Callable[[dict[str, Any]], Arrival]


class _ToHospital(Input):
    """The hospital's system: to whom is a share of the recipe, so that a report is delivered again elsewhere."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        hospital = scope.services.hospital
        if hospital.destination is None:
            return Opened(Recipient(None, False, lambda bundle: hospital.deliver(scope.sample, bundle)))
        recipient = Recipient(
            hospital.destination, hospital.takes_unsigned, lambda bundle: hospital.deliver(scope.sample, bundle)
        )
        return Opened(recipient, parameters={"destination": recipient.destination})


ToHospital = Annotated[Recipient, _ToHospital()]
"""Where the laboratory delivers its reports."""


@dataclass(frozen=True)
class Addressee:
    """To whom a report is sent as a message.

    Attributes:
        destination: where messages go, absent where none are sent.
        takes_unsigned: whether reports that nobody has signed are delivered.
        address: whom the message names as its receiver; there where the destination is.
        deliver: sends the sample's message and says whether it had to; DeliveryError where it cannot be sent.
    """

    destination: str | None
    takes_unsigned: bool
    address: Address | None
    deliver: Callable[[Message], bool]


class _ToInterfaceEngine(Input):
    """The hospital's interface engine: where, and under which name, are a share of the recipe."""

    def open(self, parameter: str, scope: Scope) -> Opened:
        engine = scope.services.interface_engine

        def deliver(message: Message) -> bool:
            return engine.deliver(scope.sample, message)

        if engine.destination is None:
            return Opened(Addressee(None, False, None, deliver))
        addressee = Addressee(engine.destination, engine.takes_unsigned, engine.address, deliver)
        stated = {"destination": engine.destination, "address": asdict(engine.address)}
        return Opened(addressee, parameters=stated)


ToInterfaceEngine = Annotated[Addressee, _ToInterfaceEngine()]
"""Where the laboratory sends its reports as messages of HL7 v2."""


@dataclass(frozen=True)
class Making:
    """Where and for whom an artifact is made.

    Attributes:
        sample: sample id, empty for what belongs to no sample.
        folder: everything written here is the artifact.
        scratch: for temporary files.
        threads: that may be used; the result does not depend on them.
        log: takes a line for the people who watch.
        machines: others that may do a part of the work, absent where there are none; nor does the result on these.
    """

    sample: str
    folder: Path
    scratch: Path
    threads: int
    log: Callable[[str], None]
    machines: Machines | None = None

    def progress(self, task: str, *, unit: str, total: int | None = None) -> Progress:
        """A counter that tells the people who watch how far a computation has come."""
        return Progress(task, total=total, unit=unit, log=self.log)


def only(value: Value, names: Iterable[str], asset: str) -> Value:
    """The same value, of which nothing but the named attributes can be read.

    >>> from engine.person import Person
    >>> person = only(Person("P1", family_id="F1"), ["sex"], "gvcf")
    >>> str(person.sex)
    'unknown'
    >>> person.family_id
    Traceback (most recent call last):
    ...
    engine.ops.inputs.UndeclaredInputError: gvcf reads Person.family_id, which its parameters do not declare
    """
    allowed = frozenset(names)
    kind = type(value)

    def read(_: object, name: str) -> Any:
        if name.startswith("__") or name in allowed:
            return getattr(value, name)
        raise UndeclaredInputError(f"{asset} reads {kind.__name__}.{name}, which its parameters do not declare")

    guarded: Value = object.__new__(type(kind.__name__, (kind,), {"__getattribute__": read}))
    return guarded


def _plain(value: Any) -> Any:
    """A fact as JSON holds it."""
    if isinstance(value, tuple):
        return [_plain(each) for each in value]
    if isinstance(value, Mapping):
        return dict(value)
    if is_dataclass(value) and not isinstance(value, type):
        return asdict(value)
    return str(value) if isinstance(value, StrEnum | Path) else value
