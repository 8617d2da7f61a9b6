"""Which resources this deployment uses: the options, read from the environment once, and what they select.

Assets and engine functions never read the environment; they are handed what is built here.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from engine.call.callers import TARGET_PADDING
from engine.errors import GenomicsError, ToolError
from engine.genotype import FILTER_SETS
from engine.machines.named import machines_named
from engine.ops.services import Services
from engine.quality.thresholds import load_thresholds
from engine.report.case import Laboratory
from resources.access_lists import AccessLists, DataLakeLists, LocalLists
from resources.anchor import Anchor
from resources.audit import AuditLog
from resources.canary import Canary
from resources.catalogue import Catalogue
from resources.channels import Channel, mail_channel, webhook_channel
from resources.confirmations import Confirmations
from resources.dagster_storage import hand_over, storage_address
from resources.decisions import Decisions
from resources.gate import Gate
from resources.hospital import Hospital
from resources.identities import Identities
from resources.interface_engine import InterfaceEngine
from resources.keys import key_encryption
from resources.knowledge import Knowledge
from resources.laboratory import read_laboratory
from resources.lake import Lake, LocalLake
from resources.landing_zone import LandingZone
from resources.power_bi import PowerBi
from resources.precedence import Queue, read_queue
from resources.privacy import keep_private
from resources.registry import SampleRegistry
from resources.registry.deliveries import Deliveries
from resources.registry.studies import StudyLedger
from resources.run_places import RunPlace, run_place
from resources.secrets import Secrets, filled_in, has_password, secrets_at, signed_in
from resources.structured_log import FILE, StructuredLog
from resources.studies import Studies
from resources.teams import Teams, needs_second_reader, read_teams
from resources.traces import traces_to
from resources.warehouse import Warehouse
from resources.zones import read_groups

PROJECT = Path(__file__).resolve().parent.parent
"""The checkout, or the folder of installed packages."""
BEST_PRACTICES = "gatk-best-practices"


class SettingsError(GenomicsError):
    """An option of the deployment has a value that cannot be used."""


@dataclass(frozen=True)
class Option:
    """One environment variable.

    Attributes:
        variable: its name.
        default: its value when unset, as shown to people.
        choices: the values it accepts, empty where it is free.
        meaning: what it decides, one sentence.
    """

    variable: str
    default: str
    choices: tuple[str, ...]
    meaning: str


OPTIONS = (
    Option("GENOMICS_ENV", "local", ("local", "azure"), "Where data lives and which services answer."),
    Option(
        "GENOMICS_LAKE",
        "none",
        (),
        "With `azure`: the container of the lake, `https://account.blob.core.windows.net/lake`; the platform's "
        "identity needs the role Storage Blob Data Contributor on it.",
    ),
    Option(
        "GENOMICS_LAKE_CACHE_GB",
        "500",
        (),
        "With `azure`: how much of the lake is kept on this machine at most, beside what is in use.",
    ),
    Option(
        "GENOMICS_REFERENCE",
        "demo",
        (),
        "The reference bundle: `demo`, `GRCh37`, `GRCh38`, or the path of a laboratory's own YAML.",
    ),
    Option(
        "GENOMICS_DATA",
        "data/<reference>",
        (),
        "Folder of everything the platform keeps: landing zone, lake, cohort, registry, Dagster's own state. "
        "The default lies in the checkout, of an installed copy in the current directory.",
    ),
    Option(
        "GENOMICS_THREADS",
        "the cores divided by GENOMICS_MAX_RUNS",
        (),
        "Threads that one sample's run uses.",
    ),
    Option(
        "GENOMICS_MAX_RUNS",
        "2",
        (),
        "How many runs go at the same time; for whole genomes each takes 19 GB of memory.",
    ),
    Option(
        "GENOMICS_RUNS",
        "none",
        (),
        "Where runs go: `slurm`, `slurm:` with options of sbatch, or a YAML file with a launcher of Dagster's; by "
        "default they are processes of the server.",
    ),
    Option(
        "GENOMICS_QUEUE",
        "none",
        (),
        "YAML file that says whose samples go first, by folders of the landing zone, and how many of each run "
        "at a time.",
    ),
    Option(
        "GENOMICS_MACHINES",
        "none",
        (),
        "Others that align and call a genome by pieces: `slurm`, `slurm:` with options of sbatch, or "
        "`dask:tcp://HOST:PORT`; "
        "they see the data folder under the same path.",
    ),
    Option("GENOMICS_ALIGNER", "bwa-mem3", ("bwa-mem3", "bwa"), "The aligner; `bwa` is the one on PATH."),
    Option("GENOMICS_CALLER", "haplotype", ("haplotype", "bcftools", "gatk"), "The variant caller."),
    Option(
        "GENOMICS_PROFILE",
        "default",
        ("default", "gatk-best-practices"),
        "Whether base qualities are recalibrated before calling, as GATK's best practices have it.",
    ),
    Option(
        "GENOMICS_TARGET_PADDING",
        str(TARGET_PADDING),
        (),
        "Bases called on either side of every target, so that what reaches into a target is found.",
    ),
    Option(
        "GENOMICS_FILTERS",
        FILTER_SETS[0],
        FILTER_SETS,
        "What marks calls that are not to be trusted, of the callers `haplotype` and `gatk`.",
    ),
    Option("GENOMICS_ALIGNMENT_FORMAT", "bam", ("bam", "cram"), "The file format of aligned reads."),
    Option(
        "GENOMICS_READS",
        "in-place",
        ("in-place", "copy"),
        "Whether FASTQ files are registered where they landed or copied to the lake.",
    ),
    Option(
        "GENOMICS_MIXED_READ_LENGTHS",
        "refuse",
        ("refuse", "accept"),
        "Whether a sample's reads may come from runs of different read length.",
    ),
    Option(
        "GENOMICS_UMI",
        "none",
        ("none", "name", "comment"),
        "Where UMIs stand: at the end of the read names, or as `RX:Z:` behind them; then they tell duplicates apart.",
    ),
    Option(
        "GENOMICS_UMI_ERRORS",
        "separate",
        ("separate", "join"),
        "Whether a UMI one letter from a more frequent one at the same place is another molecule, or that one misread.",
    ),
    Option(
        "GENOMICS_STRUCTURAL",
        "none",
        ("none", "depth", "dysgu"),
        "What finds structural variants: copy number by depth, or with `dysgu` all kinds (extra `structural`).",
    ),
    Option(
        "GENOMICS_COHORT_ENGINE",
        "one-machine",
        ("one-machine", "spark"),
        "On what the cohort's notebooks compute, and the asset `joint_call`: here, or on Spark (extra `spark`), which"
        " `SPARK_REMOTE` may name.",
    ),
    Option(
        "GENOMICS_DATABRICKS",
        "none",
        (),
        "YAML file with a workspace of Databricks, on which the asset `annotate_cohort_databricks` computes (extra"
        " `databricks`).",
    ),
    Option(
        "GENOMICS_THRESHOLDS",
        "none",
        (),
        "YAML file with the laboratory's own values for quality thresholds.",
    ),
    Option(
        "GENOMICS_LABORATORY",
        "laboratory.yaml in GENOMICS_DATA",
        (),
        "YAML file with the name, identifiers and address of the laboratory that answers for reports.",
    ),
    Option(
        "GENOMICS_REGISTRY",
        "sqlite in GENOMICS_DATA",
        (),
        "Where the sample registry lies: a PostgreSQL database by its URL, `postgresql://user:password@host/database`.",
    ),
    Option(
        "GENOMICS_DAGSTER_STORAGE",
        "sqlite in GENOMICS_DATA",
        (),
        "Where Dagster keeps its own state: a PostgreSQL database by its URL, another than the registry's.",
    ),
    Option(
        "GENOMICS_COMPUTE_LOGS",
        "dagster_home in GENOMICS_DATA",
        (),
        "With `azure`: the container that keeps what steps print, `https://account.blob.core.windows.net/logs`.",
    ),
    Option(
        "GENOMICS_SECRETS",
        "secrets in GENOMICS_DATA",
        (),
        "Where secrets lie that options name as `{secret:NAME}`: a folder, `keyring`, or a Key Vault, "
        "`https://vault.vault.azure.net`.",
    ),
    Option(
        "GENOMICS_KEYS",
        "among the secrets",
        (),
        "What wraps the keys with which persons' identities are sealed: with a key of Key Vault, "
        "`https://vault.vault.azure.net/keys/name`, it never leaves that.",
    ),
    Option(
        "GENOMICS_ANCHOR",
        "anchor in GENOMICS_DATA",
        (),
        "Folder of the audit log's anchor; on another disk it survives what happens to the data folder.",
    ),
    Option(
        "GENOMICS_CANARY_CASES",
        "500",
        (),
        "On how many of the cases signed last a release of knowledge is tried before it takes force; 0 for none.",
    ),
    Option(
        "GENOMICS_CANARY_PERCENT",
        "5",
        (),
        "Of their signed classifications so many percent may change; a release that changes more waits for a person.",
    ),
    Option(
        "GENOMICS_FHIR_URL",
        "none",
        (),
        "The hospital's FHIR server, to which signed reports are delivered: `https://ehr.example.org/fhir`.",
    ),
    Option(
        "GENOMICS_FHIR_ACCESS",
        "none",
        (),
        "YAML file that says how that server is asked, and what it has to know already.",
    ),
    Option(
        "GENOMICS_HL7",
        "none",
        (),
        "Where signed reports go as messages of HL7 v2.5.1: `mllp://host:port`, `mllps://host:port`, or a folder.",
    ),
    Option(
        "GENOMICS_HL7_ACCESS",
        "none",
        (),
        "YAML file that says whom these messages are for, and how the receiver is reached.",
    ),
    Option(
        "GENOMICS_TRACES",
        "none",
        (),
        "Where traces of runs go: `file` (`logs/traces.jsonl` in the data folder) or a collector of OpenTelemetry, "
        "`https://host:4318/v1/traces` (extra `traces`).",
    ),
    Option("GENOMICS_WEB_LISTEN", "127.0.0.1", (), "The address the web UI listens on; in a container `0.0.0.0`."),
    Option(
        "GENOMICS_WEB_ORIGINS",
        "none",
        (),
        "Addresses under which a reverse proxy shows the web UI, `https://genomics.example.org`, separated by commas.",
    ),
    Option(
        "GENOMICS_WEB_PERSON_HEADER",
        "none",
        (),
        "Header in which a reverse proxy that sends the token names the person it signed on, for the audit log.",
    ),
    Option(
        "GENOMICS_WEB_OPERATORS",
        "none",
        (),
        "Persons as that header names them, separated by commas, who may change anything in the web UI; all others "
        "only look. Without it everybody may who has the token.",
    ),
    Option(
        "GENOMICS_PORTAL_ACCESS",
        "none",
        (),
        "YAML file that says who comes into the clinicians' portal, with which role, and whose a case is.",
    ),
    Option(
        "GENOMICS_ACCESS",
        "none",
        (),
        "YAML file with the group of each role; then files grant each role what it reads, and nobody anything else.",
    ),
    Option(
        "GENOMICS_POWER_BI",
        "none",
        (),
        "YAML file that says which Power BI dataset shows the dashboards' snapshot, and who refreshes it.",
    ),
    Option(
        "GENOMICS_NOTIFY_MAIL",
        "none",
        (),
        "Addresses, separated by commas, that get mail when a run fails, a gate is shut, the queue is stuck or the "
        "glass is broken.",
    ),
    Option(
        "GENOMICS_NOTIFY_SMTP",
        "smtp://localhost",
        (),
        "The mail server, `smtps://user:password@host:port`; `smtp://` uses TLS where the server offers it.",
    ),
    Option("GENOMICS_NOTIFY_FROM", "genomics@ and this host", (), "The sender of that mail."),
    Option("GENOMICS_NOTIFY_WEBHOOK", "none", (), "Address that gets the same as JSON by POST, `https://host/path`."),
    Option("GENOMICS_NOTIFY_STUCK_HOURS", "2", (), "How long a sample may wait for the platform until it is told."),
)


_MAY_HOLD_SECRETS = (
    *("GENOMICS_REGISTRY", "GENOMICS_DAGSTER_STORAGE"),
    *("GENOMICS_NOTIFY_SMTP", "GENOMICS_NOTIFY_WEBHOOK"),
)
"""Options in whose value a secret may stand."""
_IMPOSSIBLE = {
    "?": "Dagster keeps no database under a path with a question mark",
    "##idx##": "htslib takes what follows ##idx## for the name of an index",
}
"""Parts of the data folder's path under which something that is kept there cannot be."""


@dataclass(frozen=True)
class Settings:
    """The options of this deployment, checked.

    Attributes:
        environment: ``local`` or ``azure``.
        lake: URL of the container of the lake, absent where it lies in the data folder.
        lake_cache: bytes of it that are kept on this machine at most.
        reference: name or YAML path of the reference bundle.
        data: folder of everything kept.
        threads: threads of one run.
        max_runs: runs at a time.
        runs: where runs go.
        queue: whose samples go first, and how many of each run at a time.
        machines: others that align and call by pieces, empty for none.
        aligner: name of the aligner.
        caller: name of the variant caller.
        profile: ``default`` or ``gatk-best-practices``.
        target_padding: bases called on either side of every target.
        filters: name of the filters.
        alignment_format: ``bam`` or ``cram``.
        reads: ``in-place`` or ``copy``.
        mixed_read_lengths: ``refuse`` or ``accept``.
        umi: ``none``, ``name`` or ``comment``.
        umi_errors: ``separate`` or ``join``.
        structural: ``none``, ``depth`` or ``dysgu``.
        cohort_engine: ``one-machine`` or ``spark``.
        databricks: file that tells of a workspace of Databricks, absent where none is used.
        thresholds: the laboratory's threshold file, absent for the defaults.
        laboratory: who answers for reports.
        registry: file of the sample registry, or the URL of its database; a password in it is never shown.
        dagster_storage: address of the database of Dagster's own state, absent where that lies in the data folder; a
            password in it is never shown.
        compute_logs: URL of the container of what steps print, absent where that lies in the data folder.
        secrets: the place of secrets, as the option names it, absent for a folder in the data.
        keys: URL of the key that wraps persons' keys, absent where that lies among the secrets.
        anchor: folder in which it is kept how far the audit log had come.
        canary_cases: cases that a release is tried on before it takes force.
        canary_percent: of their signed classifications that may change.
        fhir_url: base of the hospital's FHIR server, absent where reports are delivered nowhere.
        fhir_access: file that says how it is asked, absent on loopback.
        hl7: where reports go as messages of HL7 v2, absent where none are sent.
        hl7_access: file that says whom they are for, absent where nothing more is to be said.
        traces: where traces go (:mod:`resources.traces`), absent where there are to be none.
        web_listen: the address on which the web UI listens.
        web_origins: ``scheme://host[:port]`` of addresses at which a reverse proxy shows the web UI.
        web_person_header: the header in which it names the person, absent where it names none.
        web_operators: the persons who may change anything in the web UI, absent where everybody may.
        portal_access: file that says who comes into the portal, absent where only the demo's people do.
        access: file that says the group of each role, absent where everything is the platform's alone.
        power_bi: file that says which Power BI dataset is refreshed, absent where none is.
        channels: the ways to people who are told of failed runs, shut gates and a stuck queue.
        notify_stuck_hours: how long a sample may wait for the platform until it is told.
    """

    environment: str
    lake: str | None
    lake_cache: int
    reference: str
    data: Path
    threads: int
    max_runs: int
    runs: RunPlace
    queue: Queue
    machines: str
    aligner: str
    caller: str
    profile: str
    target_padding: int
    filters: str
    alignment_format: str
    reads: str
    mixed_read_lengths: str
    umi: str
    umi_errors: str
    structural: str
    cohort_engine: str
    databricks: Path | None
    thresholds: Path | None
    laboratory: Laboratory
    registry: Path | str = field(repr=False)
    dagster_storage: str | None
    compute_logs: str | None
    secrets: str | None
    keys: str | None
    anchor: Path
    canary_cases: int
    canary_percent: int
    fhir_url: str | None
    fhir_access: Path | None
    hl7: str | None
    hl7_access: Path | None
    traces: str | None
    web_listen: str
    web_origins: tuple[str, ...]
    web_person_header: str | None
    web_operators: frozenset[str] | None
    portal_access: Path | None
    access: Path | None
    power_bi: Path | None
    channels: tuple[Channel, ...]
    notify_stuck_hours: int

    @classmethod
    def from_environment(cls, variables: Mapping[str, str] = os.environ) -> Settings:
        """Read and check the options; SettingsError names the variable, the value and what is accepted."""
        values = {option.variable: _value(option, variables) for option in OPTIONS}
        if values["GENOMICS_UMI_ERRORS"] != "separate" and values["GENOMICS_UMI"] == "none":
            raise SettingsError(
                "GENOMICS_UMI_ERRORS is given, but GENOMICS_UMI does not say that reads have UMIs",
                remedy="set GENOMICS_UMI to name or comment, or leave GENOMICS_UMI_ERRORS out",
            )
        reference = values["GENOMICS_REFERENCE"]
        data_folder = variables.get("GENOMICS_DATA") or str(workplace(PROJECT) / "data" / Path(reference).stem)
        data = _data_folder(Path(data_folder).expanduser().resolve())
        variables, values = _with_secrets(variables, values, data)
        max_runs = _count("GENOMICS_MAX_RUNS", values["GENOMICS_MAX_RUNS"])
        cores = len(os.sched_getaffinity(0))
        threads = variables.get("GENOMICS_THREADS") or str(max(cores // max_runs, 1))
        runs = run_place(variables.get("GENOMICS_RUNS"))
        if runs.elsewhere:
            _require_databases(variables)
        return cls(
            environment=values["GENOMICS_ENV"],
            lake=_container(values["GENOMICS_ENV"], variables.get("GENOMICS_LAKE")),
            lake_cache=_count("GENOMICS_LAKE_CACHE_GB", values["GENOMICS_LAKE_CACHE_GB"]) << 30,
            reference=reference,
            data=data,
            threads=_count("GENOMICS_THREADS", threads),
            max_runs=max_runs,
            runs=runs,
            queue=read_queue(_path(variables.get("GENOMICS_QUEUE"))),
            machines=_machines(variables.get("GENOMICS_MACHINES")),
            aligner=values["GENOMICS_ALIGNER"],
            caller=values["GENOMICS_CALLER"],
            profile=values["GENOMICS_PROFILE"],
            target_padding=_count("GENOMICS_TARGET_PADDING", values["GENOMICS_TARGET_PADDING"], least=0),
            filters=values["GENOMICS_FILTERS"],
            alignment_format=values["GENOMICS_ALIGNMENT_FORMAT"],
            reads=values["GENOMICS_READS"],
            mixed_read_lengths=values["GENOMICS_MIXED_READ_LENGTHS"],
            umi=values["GENOMICS_UMI"],
            umi_errors=values["GENOMICS_UMI_ERRORS"],
            structural=values["GENOMICS_STRUCTURAL"],
            cohort_engine=values["GENOMICS_COHORT_ENGINE"],
            databricks=_path(variables.get("GENOMICS_DATABRICKS")),
            thresholds=_path(variables.get("GENOMICS_THRESHOLDS")),
            laboratory=read_laboratory(_path(variables.get("GENOMICS_LABORATORY")), data),
            registry=_registry(variables.get("GENOMICS_REGISTRY"), data),
            dagster_storage=storage_address(variables.get("GENOMICS_DAGSTER_STORAGE")),
            compute_logs=_compute_logs(values["GENOMICS_ENV"], variables.get("GENOMICS_COMPUTE_LOGS")),
            secrets=variables.get("GENOMICS_SECRETS") or None,
            keys=_key(variables.get("GENOMICS_KEYS")),
            anchor=Path(variables.get("GENOMICS_ANCHOR") or data / "anchor").expanduser().resolve(),
            canary_cases=_count("GENOMICS_CANARY_CASES", values["GENOMICS_CANARY_CASES"], least=0),
            canary_percent=_count("GENOMICS_CANARY_PERCENT", values["GENOMICS_CANARY_PERCENT"], least=0),
            fhir_url=variables.get("GENOMICS_FHIR_URL") or None,
            fhir_access=_path(variables.get("GENOMICS_FHIR_ACCESS")),
            hl7=_outside(variables.get("GENOMICS_HL7"), data),
            hl7_access=_path(variables.get("GENOMICS_HL7_ACCESS")),
            traces=traces_to(variables.get("GENOMICS_TRACES"), data),
            web_listen=values["GENOMICS_WEB_LISTEN"],
            web_origins=_origins(variables.get("GENOMICS_WEB_ORIGINS")),
            web_person_header=variables.get("GENOMICS_WEB_PERSON_HEADER") or None,
            web_operators=_operators(variables),
            portal_access=_path(variables.get("GENOMICS_PORTAL_ACCESS")),
            access=_path(variables.get("GENOMICS_ACCESS")),
            power_bi=_path(variables.get("GENOMICS_POWER_BI")),
            channels=_channels(values, variables),
            notify_stuck_hours=_count("GENOMICS_NOTIFY_STUCK_HOURS", values["GENOMICS_NOTIFY_STUCK_HOURS"]),
        )

    @property
    def teams(self) -> Teams:
        """Whose cases are whose, as the file for the portal says it now; AccessError where it cannot be read."""
        return read_teams(self.portal_access)

    @property
    def second_reader(self) -> bool:
        """Whether a report is signed only after another person has reviewed it, as the same file says it."""
        return needs_second_reader(self.portal_access)

    @property
    def recalibrates(self) -> bool:
        """Whether base qualities are recalibrated before calling."""
        return self.profile == BEST_PRACTICES

    @property
    def place_of_secrets(self) -> Secrets:
        """Where secrets lie."""
        return secrets_at(self.secrets, self.data / "secrets")

    @property
    def landing(self) -> Path:
        """The landing zone: sample sheets and FASTQ files are dropped here."""
        return self.data / "landing"

    @property
    def dagster_home(self) -> Path:
        """Dagster's own state."""
        return self.data / "dagster_home"


@dataclass(frozen=True)
class Resources(Services):
    """The services that this deployment has, by the names under which Dagster hands them out.

    They are what the ops ask for (:class:`engine.ops.services.Services`), and what sensors and console need beside.

    Attributes:
        settings: the options.
        lake: where artifacts live.
        gate: the quality gate between two stages.
        knowledge: the reference and what is known beside it.
        registry: the samples and whose they are.
        identities: who the persons are; each look is written down.
        landing_zone: where files are dropped.
        warehouse: the cohort's Delta tables.
        confirmations: what stands under later knowledge than it was made with.
        catalogue: what people decided of alleles.
        studies: the cohorts of studies.
        canary: what a release is tried on before it takes force.
        audit: who did what.
        decisions: what people decide about samples.
        hospital: the system that reports are delivered to.
        interface_engine: the system that takes them as messages of HL7 v2.
        access: who may read which part of the data.
        power_bi: the dataset that shows the snapshot.
    """

    settings: Settings
    lake: Lake
    gate: Gate
    knowledge: Knowledge
    registry: SampleRegistry
    identities: Identities
    landing_zone: LandingZone
    warehouse: Warehouse
    confirmations: Confirmations
    catalogue: Catalogue
    studies: Studies
    canary: Canary
    audit: AuditLog
    decisions: Decisions
    events: StructuredLog
    hospital: Hospital
    interface_engine: InterfaceEngine
    access: AccessLists
    power_bi: PowerBi


def build_resources(settings: Settings) -> Resources:
    """Every service of the deployment that these settings describe; what this process makes from now on is private."""
    keep_private()
    hand_over(settings.dagster_storage)
    audit = AuditLog(settings.data / "audit" / "audit.jsonl", Anchor(settings.anchor))
    lake = _lake(settings, audit)
    registry = SampleRegistry(settings.registry, key_encryption(settings.keys, settings.place_of_secrets))
    knowledge = Knowledge.declared(settings.reference, lake, settings.data / "sources")
    warehouse = Warehouse(settings.data / "cohort")
    ledger = Deliveries(registry.database)
    events = StructuredLog(settings.data / FILE)
    return Resources(
        settings=settings,
        lake=lake,
        gate=Gate(lake, registry, audit, load_thresholds(settings.thresholds)),
        knowledge=knowledge,
        registry=registry,
        identities=Identities(registry, audit),
        landing_zone=LandingZone(settings.landing, panels=knowledge.panels),
        warehouse=warehouse,
        confirmations=Confirmations(lake),
        catalogue=Catalogue(audit, registry, lake, warehouse, knowledge.declaration.build),
        studies=Studies(audit, registry, StudyLedger(registry.database)),
        canary=Canary(lake, audit, registry, settings.canary_cases, settings.canary_percent),
        audit=audit,
        decisions=Decisions(audit, registry, warehouse, events),
        events=events,
        hospital=Hospital(settings.fhir_url, settings.fhir_access, ledger, audit),
        interface_engine=InterfaceEngine(settings.hl7, settings.hl7_access, ledger, audit),
        access=_access(settings),
        power_bi=PowerBi(settings.power_bi, audit),
    )


def _lake(settings: Settings, audit: AuditLog) -> Lake:
    """Where artifacts live; nothing else of the platform knows which of them it is."""
    if settings.lake is None:
        return LocalLake(settings.data / "lake", audit)
    from resources.lake.azure import AzureLake

    return AzureLake(settings.lake, signed_in(), settings.data / "cache", audit, settings.lake_cache)


def _access(settings: Settings) -> AccessLists:
    """Who may read what: files of this machine, and the lake's container where it lies in Azure."""
    here = LocalLists(settings.data)
    there = (DataLakeLists(settings.lake, signed_in()),) if settings.lake and settings.access else ()
    return AccessLists((here, *there), read_groups(settings.access))


def workplace(project: Path) -> Path:
    """Where data is kept by default: in the checkout; an installed copy keeps nothing among the packages."""
    return project if (project / "workspace.yaml").is_file() else Path.cwd()


def _path(named: str | None) -> Path | None:
    return Path(named).expanduser().resolve() if named else None


def _value(option: Option, variables: Mapping[str, str]) -> str:
    value = variables.get(option.variable) or option.default
    if option.choices and value not in option.choices:
        raise SettingsError(
            f"{option.variable} is {value!r}",
            remedy=f"set it to one of {', '.join(option.choices)} or leave it unset",
        )
    return value


def _data_folder(path: Path) -> Path:
    """The folder, if Dagster and htslib can keep files below it; what Delta tables cannot be kept in, they refuse."""
    for letters, why in _IMPOSSIBLE.items():
        if letters in str(path):
            raise SettingsError(
                f"the data folder is {str(path)!r}, and {why}",
                remedy="set GENOMICS_DATA to another folder, or rename it",
            )
    return path


def _registry(address: str | None, data: Path) -> Path | str:
    """A file in the data folder unless another address is given, which is not repeated: it may have a password."""
    if not address:
        return data / "registry" / "samples.sqlite"
    if not address.startswith(("postgresql://", "postgresql+pg8000://")):
        raise SettingsError(
            "GENOMICS_REGISTRY is no address of a PostgreSQL database",
            remedy="write it as postgresql://user:password@host:5432/database, or leave it unset",
        )
    return address


def _with_secrets(
    variables: Mapping[str, str], values: dict[str, str], data: Path
) -> tuple[Mapping[str, str], dict[str, str]]:
    """The variables and values with the secrets that they name filled in; in Azure a password as it is, is refused."""
    place = secrets_at(variables.get("GENOMICS_SECRETS") or None, data / "secrets", variables)
    found = {name: text for name in _MAY_HOLD_SECRETS if (text := variables.get(name))}
    for name, text in found.items():
        if values["GENOMICS_ENV"] == "azure" and has_password(text):
            raise SettingsError(
                f"{name} has a password in it",
                remedy="put it into Key Vault, and write {secret:NAME} where it stood (GENOMICS_SECRETS)",
            )
        found[name] = filled_in(text, place)
    return {**variables, **found}, {**values, **{name: text for name, text in found.items() if name in values}}


def _key(url: str | None) -> str | None:
    """URL of a key of Key Vault, of whichever version is current."""
    if not url:
        return None
    parts = urlsplit(url)
    kind, _, name = parts.path.strip("/").partition("/")
    if parts.scheme != "https" or not parts.netloc or kind != "keys" or not name or "/" in name or parts.query:
        raise SettingsError(
            f"GENOMICS_KEYS is {url!r}",
            remedy="write https://<vault>.vault.azure.net/keys/<name>, without a version, or leave it unset",
        )
    return url.rstrip("/")


def _outside(destination: str | None, data: Path) -> str | None:
    """Where messages go; a folder is outside of the data, for they name persons."""
    if destination and "://" not in destination and Path(destination).expanduser().resolve().is_relative_to(data):
        raise SettingsError(
            "GENOMICS_HL7 is a folder within the data folder, where no message is kept",
            remedy="name a folder outside of it, which the hospital's interface engine reads",
        )
    return destination or None


def _channels(values: Mapping[str, str], variables: Mapping[str, str]) -> tuple[Channel, ...]:
    """Those for which a place is named; none by default."""
    to, webhook = _listed(variables.get("GENOMICS_NOTIFY_MAIL")), variables.get("GENOMICS_NOTIFY_WEBHOOK")
    sender = variables.get("GENOMICS_NOTIFY_FROM") or ""
    mail = [mail_channel(values["GENOMICS_NOTIFY_SMTP"], to, sender)] if to else []
    return (*mail, *([webhook_channel(webhook)] if webhook else []))


def _listed(values: str | None) -> tuple[str, ...]:
    return tuple(value.strip() for value in (values or "").split(",") if value.strip())


def _origins(addresses: str | None) -> tuple[str, ...]:
    """What a browser sends as ``Origin`` for each address; one with a path is none."""
    origins = tuple(address.rstrip("/").lower() for address in _listed(addresses))
    for origin in origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or origin != f"{parts.scheme}://{parts.netloc}":
            raise SettingsError(
                f"GENOMICS_WEB_ORIGINS has {origin!r}",
                remedy="write each as https://host or https://host:port, separated by commas",
            )
    return origins


def _operators(variables: Mapping[str, str]) -> frozenset[str] | None:
    """Persons that a header names; a name that somebody types would be nobody's word."""
    persons = frozenset(_listed(variables.get("GENOMICS_WEB_OPERATORS")))
    if persons and not variables.get("GENOMICS_WEB_PERSON_HEADER"):
        raise SettingsError(
            "GENOMICS_WEB_OPERATORS names persons, and nothing says who is at the door",
            remedy="set GENOMICS_WEB_PERSON_HEADER to the header in which the reverse proxy names the person",
        )
    return persons or None


def _machines(named: str | None) -> str:
    """The setting, if it names machines."""
    try:
        machines_named(named or "")
    except ToolError as error:
        raise SettingsError(f"GENOMICS_MACHINES: {error.problem}", remedy=error.remedy) from None
    return named or ""


def _require_databases(variables: Mapping[str, str]) -> None:
    """Files of SQLite are no place for several machines."""
    for variable in ("GENOMICS_REGISTRY", "GENOMICS_DAGSTER_STORAGE"):
        if not variables.get(variable):
            raise SettingsError(
                f"GENOMICS_RUNS sends runs to other machines, and {variable} is not set",
                remedy="name a PostgreSQL database by its URL, which every machine reaches",
            )


def _container(environment: str, url: str | None) -> str | None:
    """The container of the lake where one is to be named, and none where not."""
    if (environment == "azure") != bool(url):
        wanted = "is not set" if not url else "is set, but GENOMICS_ENV is not azure"
        raise SettingsError(
            f"GENOMICS_LAKE {wanted}",
            remedy="set GENOMICS_ENV=azure and GENOMICS_LAKE=https://<account>.blob.core.windows.net/<container>, or "
            "neither",
        )
    return _container_url("GENOMICS_LAKE", url) if url else None


def _compute_logs(environment: str, url: str | None) -> str | None:
    """The container of what steps print, where one is named."""
    if url and environment != "azure":
        raise SettingsError(
            "GENOMICS_COMPUTE_LOGS is set, but GENOMICS_ENV is not azure", remedy="set GENOMICS_ENV=azure, or neither"
        )
    return _container_url("GENOMICS_COMPUTE_LOGS", url) if url else None


def _container_url(variable: str, url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.netloc or not parts.path.strip("/") or parts.query or parts.fragment:
        raise SettingsError(
            f"{variable} is {url.partition('?')[0]!r}",
            remedy="write https://<account>.blob.core.windows.net/<container>, without a key or signature",
        )
    return url.rstrip("/")


def _count(variable: str, value: str, *, least: int = 1) -> int:
    if not value.isascii() or not value.isdigit() or int(value) < least:
        raise SettingsError(f"{variable} is {value!r}", remedy=f"set it to a whole number of at least {least}")
    return int(value)
