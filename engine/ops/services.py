"""What the ops need of the places where data lives and of the laboratory's decisions, as typed protocols.

``resources`` has the classes; ``resources/environment.py`` puts them together, where mypy compares them with these
protocols. Only the contract (:mod:`engine.ops.artifact`, :mod:`engine.ops.inputs`) uses them: an artifact's own
function is handed values.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, Self

from engine.person import Identity, Person
from engine.reads.file_digests import FileDigests
from engine.reads.lane import Lane
from engine.reads.registration import SampleStatus
from engine.receipt import Measure, Receipt, Recipe
from engine.reference.bundle import ReferenceBundle
from engine.report.issue import SignOut

if TYPE_CHECKING:
    import pyarrow as pa

    from engine.classify.decision import Decision
    from engine.cohort.study import Selection, StudyVersion
    from engine.fhir.transactions import Arrival
    from engine.hl7v2.message import Message
    from engine.hl7v2.parties import Address
    from engine.reanalysis.confirmation import Confirmation
    from engine.report.case import Laboratory


class Teams(Protocol):
    """Whose a case is."""

    def of(self, *, order: str | None, family: str | None) -> frozenset[str]:
        """The teams that a case belongs to, by its order and its family."""


class Settings(Protocol):
    """The deployment's options, as far as they decide what is computed and how."""

    @property
    def threads(self) -> int:
        """Threads that one run uses; no artifact's content depends on it."""

    @property
    def machines(self) -> str:
        """Other machines that work for a run, as :mod:`engine.machines.named` reads them; empty for none."""

    @property
    def aligner(self) -> str:
        """Name of the aligner."""

    @property
    def caller(self) -> str:
        """Name of the variant caller."""

    @property
    def filters(self) -> str:
        """Name of the filters that mark calls which are not to be trusted."""

    @property
    def profile(self) -> str:
        """``default`` or ``gatk-best-practices``."""

    @property
    def recalibrates(self) -> bool:
        """Whether the profile recalibrates base qualities before calling."""

    @property
    def alignment_format(self) -> str:
        """``bam`` or ``cram``."""

    @property
    def reads(self) -> str:
        """``in-place`` or ``copy``."""

    @property
    def mixed_read_lengths(self) -> str:
        """``refuse`` or ``accept``."""

    @property
    def umi(self) -> str:
        """Where reads carry unique molecular identifiers, one of :class:`engine.reads.conventions.UmiSource`."""

    @property
    def umi_errors(self) -> str:
        """``separate`` or ``join``: whether a UMI with an error is another molecule."""

    @property
    def structural(self) -> str:
        """Name of the caller of structural variants, or ``none``."""

    @property
    def cohort_engine(self) -> str:
        """``one-machine`` or ``spark``: on what notebooks over the cohort compute."""

    @property
    def laboratory(self) -> Laboratory:
        """Who answers for reports."""

    @property
    def target_padding(self) -> int:
        """Bases called on either side of a target."""

    @property
    def teams(self) -> Teams:
        """Whose cases are whose; an error where the file that says it cannot be read."""


class Work(Protocol):
    """An artifact in the making."""

    @property
    def folder(self) -> Path:
        """Everything written here is the artifact."""

    @property
    def scratch(self) -> Path:
        """For temporary files."""

    def fresh(self, recipe: Recipe) -> Receipt | None:
        """The published receipt if it came from an equal recipe and its files are in place."""

    def publish(self, *, records: int, recipe: Recipe, measures: Mapping[str, Measure]) -> Receipt:
        """Make the folder's files the current artifact, in one commit."""


class Lake(Protocol):
    """Where artifacts are published and read."""

    def receipt(self, asset: str, sample: str | None = None) -> Receipt | None:
        """The current receipt, absent where nothing was published yet."""

    def require(self, asset: str, sample: str | None = None) -> Receipt:
        """The current receipt, its files as published; LakeError otherwise."""

    def previous(self, asset: str, sample: str | None = None) -> Receipt | None:
        """The current receipt if it is the one that was published; absent otherwise."""

    def sha256(self, path: Path) -> str:
        """Digest of a file's content, from memory where the file is untouched."""

    def is_whole(self, receipt: Receipt) -> bool:
        """Whether every file of an artifact is what its receipt says, by sha256."""

    def history(self, asset: str, sample: str | None = None) -> list[Receipt]:
        """Receipts of every version that was ever current, oldest first."""

    def samples_since(self, mark: str) -> tuple[str, frozenset[str] | None]:
        """The samples of which anything was published, or was about to be, since a mark; and the mark of now.

        ``mark`` is what an earlier call gave, empty at the first one. Samples are absent where that cannot be told.
        """

    def folder(self, receipt: Receipt) -> Path:
        """The folder of an artifact's files."""

    def path(self, receipt: Receipt, name: str) -> Path:
        """One file of an artifact."""

    def work(
        self, asset: str, sample: str | None = None, *, log: Callable[[str], None] = ...
    ) -> AbstractContextManager[Work]:
        """A private work folder in which to make an artifact, one process at a time.

        ``log`` is told where another process is making it, before its end is waited for.
        """


class Gate(Protocol):
    """What stands between two stages."""

    def require(self, asset: str, sample: str) -> Receipt:
        """The artifact's receipt if it may be used; GateError or LakeError otherwise."""

    def overridden_checks(self, sample: str, *assets: str) -> tuple[str, ...]:
        """In words, the failed checks on current artifacts that a person let pass: which, who and why."""

    def sign_outs(self, sample: str) -> tuple[SignOut, ...]:
        """Reviews and signatures of what was said of a sample, oldest first; GateError where one was not given."""


class Declaration(Protocol):
    """A reference as its YAML declares it; a source is absent where the reference has none."""

    @property
    def name(self) -> str:
        """The bundle's own name."""

    @property
    def build(self) -> str:
        """``GRCh37`` or ``GRCh38``."""

    @property
    def contig_md5(self) -> Mapping[str, str]:
        """M5 that named contigs must have."""

    @property
    def frequencies_release(self) -> str | None:
        """What the laboratory calls its release of frequencies, absent where the file says it."""

    @property
    def frequencies_licence(self) -> str | None:
        """Under which the frequencies may be used, absent where the laboratory does not say."""

    @property
    def predictors_release(self) -> str | None:
        """What the laboratory calls its release of predictors' scores."""

    @property
    def predictors_licence(self) -> str | None:
        """Under which the scores may be used, absent where the laboratory does not say."""

    @property
    def splice_predictors_release(self) -> str | None:
        """What the laboratory calls its release of predictors of splicing."""

    @property
    def splice_predictors_licence(self) -> str | None:
        """Under which those may be used, absent where the laboratory does not say."""

    @property
    def constraint_release(self) -> str | None:
        """What the laboratory calls its release of constraint metrics."""

    @property
    def constraint_licence(self) -> str | None:
        """Under which those may be used, absent where the laboratory does not say."""

    @property
    def dbsnp_release(self) -> str | None:
        """What the laboratory calls its build of dbSNP, absent where the file says it."""

    @property
    def clinvar_release(self) -> str | None:
        """What the laboratory calls its ClinVar release, absent where the file says it."""

    def source(self, name: str) -> Path | None:
        """The declared file: ``fasta``, ``targets``, ``gene_model``, ``known_sites``, ``clinvar``, ..."""


class Knowledge(Protocol):
    """The reference and what is known beside it."""

    @property
    def declaration(self) -> Declaration:
        """What is declared."""

    @property
    def parts(self) -> tuple[str, ...]:
        """The knowledge assets that this reference has, in the order in which they are built."""

    def require(self, part: str) -> Receipt:
        """The receipt of a built part; LakeError where it is not built or damaged."""

    def bundle(self, *parts: str) -> ReferenceBundle:
        """The built parts as one value, of those named that the reference has; the others are absent in it."""

    def earlier(self, part: str, data_version: str) -> Self | None:
        """The same knowledge with a part as it was in that version; absent where that is not kept whole."""


class Participant(Protocol):
    """A registered sample."""

    @property
    def sample_id(self) -> str:
        """Its id: the partition key."""

    @property
    def person(self) -> Person:
        """What is known of the person it was taken from."""

    @property
    def lanes(self) -> tuple[Lane, ...]:
        """Its FASTQ files, in the order of the sheet."""

    @property
    def withdrawn(self) -> str | None:
        """UTC time of withdrawal, absent while it takes part."""

    @property
    def name(self) -> str | None:
        """The id as the laboratory writes it, absent where that is the sample id."""

    @property
    def status(self) -> SampleStatus:
        """How far it has come."""


class Registry(Protocol):
    """Who takes part, and with which reads."""

    def participant(self, sample_id: str) -> Participant:
        """The sample; an error where it is not registered or was withdrawn."""

    def sample(self, sample_id: str) -> Participant:
        """The sample, withdrawn or not; an error where it is not registered."""

    def samples(self) -> Sequence[Participant]:
        """Every registered sample, withdrawn ones included."""

    def orders(self) -> Mapping[str, tuple[tuple[str, ...], str | None]]:
        """The genes and the panel that each order asks about, by sample id: every sample that takes part."""

    def withdrawn(self) -> Sequence[str]:
        """Ids of the samples that were withdrawn."""

    def first_registered(self) -> Mapping[str, str]:
        """When each sample was registered first, by sample id: UTC time, ISO 8601."""

    def ask_again(self, sample_id: str, *, cause: str, why: str) -> Participant:
        """Ask for another run by the platform's own decision."""

    def asked_since(self, sample_id: str, *, cause: str, since: str) -> bool:
        """Whether it was asked for again for a cause after a UTC time, ISO 8601 to the second."""

    def record_digests(self, sample_id: str, files: Sequence[FileDigests]) -> None:
        """Keep what was verified; an error where another sample has the same file."""


class Identities(Protocol):
    """Who the persons are behind the pseudonyms."""

    def identified(self, subject_id: str) -> str | None:
        """When it was last said who a subject is, absent while nobody has."""

    def look_up(self, subject_id: str, *, who: str, purpose: str, sample: str | None = None) -> Identity:
        """Who a subject is; each look is written to the audit log."""


class LandingZone(Protocol):
    """Where the laboratory drops its files."""

    @property
    def root(self) -> Path:
        """The folder."""


class Warehouse(Protocol):
    """The cohort's Delta tables."""

    def put(self, table: str, rows: pa.Table, *, sample: str, version: str) -> bool:
        """Make ``rows`` the sample's rows of a table, exactly once."""

    def contribute(self, tables: Mapping[str, pa.Table], *, sample: str, versions: Mapping[str, str]) -> bool:
        """Make tables the sample's rows of the cohort and of the sums over it, exactly once and as a whole."""

    def listing(self) -> dict[str, list[str]]:
        """Files of every table of the cohort, all of one moment."""

    def holds(self, table: str, *, sample: str, version: str) -> bool:
        """Whether the table has the sample's rows of this version."""

    def restate(self, table: str, rows: pa.Table) -> None:
        """Make ``rows`` all that a table holds, to which no sample adds by itself."""

    def remove(self, sample: str) -> None:
        """Take a sample's rows out of every table."""

    def files(self, table: str) -> list[str]:
        """Parquet files that the log says the table consists of."""

    def version(self, table: str) -> int:
        """Version of the table's log, -1 where it does not exist."""


class Catalogue(Protocol):
    """What people of the laboratory decided of alleles."""

    def current(self) -> Mapping[str, Decision]:
        """The decision that stands on each allele; GateError where one was not given."""


class Studies(Protocol):
    """The cohorts of studies."""

    def keep(self, selection: Selection, data_versions: Mapping[str, str], *, person: str, reason: str) -> StudyVersion:
        """Keep what was selected as the next version; the last one stands where nothing differs from it."""

    def every(self) -> Sequence[StudyVersion]:
        """All versions, by name and number; GateError where one was made by nobody."""

    def current(self) -> Mapping[str, StudyVersion]:
        """The last version of each cohort, by name."""

    def members(self, version: StudyVersion) -> Sequence[str]:
        """Those who were not withdrawn since, in order."""


class Confirmations(Protocol):
    """What was found to stand under later knowledge than it was made with."""

    def of(self, sample: str) -> Sequence[Confirmation]:
        """Those of a sample, whether or not they still speak of what is published; LakeError where damaged."""

    def table(self) -> pa.Table | None:
        """Those of every sample as one table, by sample; absent before the first publication."""


class Hospital(Protocol):
    """The system that reports are delivered to."""

    @property
    def destination(self) -> str | None:
        """Base URL of its server, absent where reports are delivered nowhere."""

    @property
    def takes_unsigned(self) -> bool:
        """Whether the laboratory delivers reports that nobody has signed."""

    def deliver(self, sample: str, bundle: dict[str, Any]) -> Arrival:
        """Send a report, what the server has already left out; DeliveryError where it cannot be."""


class InterfaceEngine(Protocol):
    """The system that takes reports as messages of HL7 v2."""

    @property
    def destination(self) -> str | None:
        """Where messages go, absent where none are sent."""

    @property
    def takes_unsigned(self) -> bool:
        """Whether the laboratory delivers reports that nobody has signed."""

    @property
    def address(self) -> Address:
        """Whom messages name as their receiver."""

    def deliver(self, sample: str, message: Message) -> bool:
        """Send a message, unless it arrived last; whether it was sent, DeliveryError where it cannot be."""


class Canary(Protocol):
    """What stands between a release of knowledge that was built and its taking force."""

    def try_out(
        self,
        services: Any,
        asset: str,
        folder: Path,
        recipe: Recipe,
        *,
        records: int,
        measures: Mapping[str, Measure],
        log: Callable[[str], None],
    ) -> None:
        """Interpret signed cases under it; an error where it says too much otherwise and nobody has released it."""


class PowerBi(Protocol):
    """The dataset that shows the snapshot of all cases."""

    def show(self, release: str) -> bool:
        """Let it show a release; whether anything was asked for, DeliveryError where it is not done."""


@dataclass(frozen=True)
class Services:
    """Everything that the contract may ask, by the name that Dagster knows it under."""

    settings: Settings
    lake: Lake
    gate: Gate
    knowledge: Knowledge
    registry: Registry
    identities: Identities
    landing_zone: LandingZone
    warehouse: Warehouse
    confirmations: Confirmations
    catalogue: Catalogue
    studies: Studies
    canary: Canary
    hospital: Hospital
    interface_engine: InterfaceEngine
    power_bi: PowerBi

    @classmethod
    def of(cls, resources: Any) -> Self:
        """Those that Dagster hands an op, by attribute."""
        return cls(**{name: getattr(resources, name) for name in cls.names()})

    @classmethod
    def names(cls) -> Iterable[str]:
        """Names of the services, as Dagster's resources are keyed."""
        return [field.name for field in fields(cls)]
