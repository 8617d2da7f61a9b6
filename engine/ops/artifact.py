"""The contract of an artifact: one function, whose parameters say what it is made from.

Adding an artifact is one function here in a stage's module and one line in ``genomics_assets/artifacts.py``::

    @artifact(kinds={"vcf"})
    def variants(
        making: Making, gvcf: Own, reference: Annotated[ReferenceBundle, Parts("reference_genome")],
        settings: Annotated[Settings, Options("caller")],
    ) -> Computed:
        \"\"\"What the catalogue says of it.\"\"\"

From that one declaration follow the edges of Dagster's graph (:meth:`Contract.edges`), the gates that are passed and
the recipe that decides freshness (:meth:`Contract.make`), the code version, the releases that are told, and the
provenance that the report writes from the receipt. The function is handed values; it has no way to anything else.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, get_args, get_origin, get_type_hints

from engine.code_version import CodeVersion, code_version
from engine.errors import FastqError, GenomicsError
from engine.giving_back import give_back_memory
from engine.machines.named import machines_named
from engine.ops.inputs import Artifact, Input, Making, Opened, Scope
from engine.ops.services import Services, Settings, Work
from engine.reanalysis.confirmation import as_made
from engine.receipt import Measure, Receipt, Recipe
from engine.tables import Column

_CONTRACTS: dict[str, Contract] = {}
NOT_EXAMINED = "not_examined"
"""Measure of an artifact that is there for every sample: why nothing was looked for; empty where it was."""


@dataclass(frozen=True)
class Computed:
    """What a function gives back of the artifact that it wrote.

    Attributes:
        records: number of records; the unit is the artifact's own.
        measures: what was measured while making it: the evidence for quality checks.
    """

    records: int
    measures: Mapping[str, Measure] = field(default_factory=dict)


@dataclass(frozen=True)
class NotApplicable:
    """Says that there is no such artifact for this sample, and why."""

    reason: str


@dataclass(frozen=True)
class Published:
    """What became of an artifact.

    Attributes:
        receipt: of the current version.
        fresh: whether it was there already, made from the same inputs by the same code.
    """

    receipt: Receipt
    fresh: bool


@dataclass(frozen=True)
class Candidate:
    """An artifact that was made and is not in force yet.

    Attributes:
        asset: its name.
        folder: with its files.
        recipe: what it was made from.
        computed: what its function gave back.
        log: takes lines for the people who watch.
    """

    asset: str
    folder: Path
    recipe: Recipe
    computed: Computed
    log: Callable[[str], None]


Compute = Callable[..., Computed | NotApplicable]
After = Callable[[Artifact, Services], None]
Before = Callable[["Candidate", Services], None]
Programs = Callable[[Settings], Mapping[str, str]]


@dataclass(frozen=True)
class Contract:
    """One artifact: what it is made from, by which function, and how it is shown.

    Attributes:
        compute: the function; its name is the asset's, its docstring the catalogue's text.
        stage: name of the module that it stands in: the group in the lineage graph.
        by_sample: whether there is one for each sample.
        kinds: at most three kinds of file or tool, shown as badges.
        columns: of the table, where the artifact holds one.
        programs: versions of programs outside this code that the options choose, by name.
        before: what is asked before it is published, of what takes the place of another; an error keeps it from that.
        after: what is done once it is published, on every run, so that a process killed in between is made good.
        pool: of runs that must not do this at the same time, absent where any number may.
    """

    compute: Compute
    stage: str
    by_sample: bool
    kinds: frozenset[str]
    columns: Sequence[Column] = ()
    programs: Programs | None = None
    before: Before | None = None
    after: After | None = None
    pool: str | None = None

    @property
    def name(self) -> str:
        """Of the asset."""
        return self.compute.__name__

    @property
    def description(self) -> str:
        """What it is, for the catalogue."""
        return inspect.cleandoc(self.compute.__doc__ or "")

    @cached_property
    def takes(self) -> Mapping[str, Input]:
        """What each parameter asks for."""
        hints = get_type_hints(self.compute, include_extras=True)
        return {
            name: _kind_of(self.name, name, hint) for name, hint in hints.items() if name not in ("making", "return")
        }

    def edges(self, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The assets it is made from in a deployment whose reference has these parts of knowledge."""
        named = [asset for name, taken in self.takes.items() for asset in taken.assets(name, settings, parts)]
        absent = {one.name for one in _CONTRACTS.values() if one.stage == "knowledge"} - set(parts)
        return tuple(dict.fromkeys(asset for asset in named if asset not in absent))

    @cached_property
    def code(self) -> CodeVersion:
        """What makes it: the function with all code, data and packages that it reaches."""
        return code_version(f"{self.compute.__module__}:{self.name}")

    def make(
        self, services: Services, sample: str, *, log: Callable[[str], None], recompute: bool = False
    ) -> Published | NotApplicable:
        """Open the inputs, compute and publish; or find the artifact fresh.

        Args:
            services: of the deployment.
            sample: sample id, empty for what belongs to no sample.
            log: takes lines for the people who watch.
            recompute: compute again even where nothing has changed.

        Raises:
            GenomicsError: an input is missing, damaged, or behind a shut gate, or the data cannot be used.
        """
        with services.lake.work(self.name, sample or None, log=log) as work:
            opened = self._open(services, sample)
            recipe = self._recipe(opened, services.settings)
            published = None if recompute else work.fresh(self._as_confirmed(recipe, services, sample))
            result: Published | NotApplicable
            if published is None:
                values = {name: each.value for name, each in opened.items()}
                machines = machines_named(services.settings.machines)
                making = Making(sample, work.folder, work.scratch, services.settings.threads, log, machines)
                result = self._publish(work, recipe, values, making, services)
            else:
                log(f"{self.name} is fresh: made {published.created} from the same inputs by the same tools")
                result = Published(published, fresh=True)
        if isinstance(result, Published) and self.after:
            self.after(Artifact(result.receipt, services.lake), services)
        return result

    def is_current(self, services: Services, sample: str) -> bool:
        """Whether what is published is what would be made now, from the same inputs by the same code."""
        try:
            return self.is_fresh(services, sample)
        except GenomicsError:
            return False

    def is_fresh(self, services: Services, sample: str) -> bool:
        """Whether the published artifact is made from the inputs as they are now, by this code; errors as of make."""
        receipt = services.lake.require(self.name, sample or None)
        recipe = self._recipe(self._open(services, sample), services.settings)
        return receipt.recipe.digest == self._as_confirmed(recipe, services, sample).digest

    def _as_confirmed(self, recipe: Recipe, services: Services, sample: str) -> Recipe:
        """The recipe as of the knowledge that the published artifact was made with, where it stands under today's."""
        told = [one for one in services.confirmations.of(sample) if one.asset == self.name] if sample else []
        receipt = services.lake.receipt(self.name, sample) if told else None
        return as_made(recipe, receipt, told) if receipt else recipe

    def _open(self, services: Services, sample: str) -> dict[str, Opened]:
        scope = Scope(services, self.name, sample)
        return {name: taken.open(name, scope) for name, taken in self.takes.items()}

    def _recipe(self, opened: Mapping[str, Opened], settings: Settings) -> Recipe:
        shares = opened.values()
        programs = dict(self.programs(settings)) if self.programs else {}
        return Recipe(
            inputs=_together(share.inputs for share in shares),
            tools=dict(sorted((self.code.tools(self.name) | programs).items())),
            knowledge=_together(share.knowledge for share in shares),
            parameters=_together(share.parameters for share in shares),
        )

    def _publish(
        self, work: Work, recipe: Recipe, values: Mapping[str, Any], making: Making, services: Services
    ) -> Published | NotApplicable:
        computed = self.compute(making=making, **values)
        give_back_memory()
        if isinstance(computed, NotApplicable):
            making.log(f"{self.name} is not made: {computed.reason}")
            return computed
        if self.before:
            self.before(Candidate(self.name, work.folder, recipe, computed, making.log), services)
        receipt = work.publish(records=computed.records, recipe=recipe, measures=computed.measures)
        return Published(receipt, fresh=False)


def artifact(
    *,
    kinds: Collection[str],
    by_sample: bool = True,
    columns: Sequence[Column] = (),
    programs: Programs | None = None,
    before: Before | None = None,
    after: After | None = None,
    pool: str | None = None,
) -> Callable[[Compute], Contract]:
    """Make a function the contract of the artifact that bears its name (see :class:`Contract`)."""

    def contract(compute: Compute) -> Contract:
        stage = compute.__module__.rpartition(".")[2]
        made = Contract(compute, stage, by_sample, frozenset(kinds), columns, programs, before, after, pool)
        _CONTRACTS[made.name] = made
        return made

    return contract


def artifacts_of_samples() -> frozenset[str]:
    """Names of the artifacts that a sample may have, of those that this process has loaded."""
    return frozenset(name for name, one in _CONTRACTS.items() if one.by_sample)


def readers_of(parts: Collection[str], settings: Settings, known: Collection[str]) -> dict[str, frozenset[str]]:
    """The artifacts of samples that read some parts of the knowledge themselves, each with those it reads.

    Args:
        parts: that are asked about.
        settings: of the deployment.
        known: the parts that its reference has.
    """
    every = {name: frozenset(one.edges(settings, known)) for name, one in _CONTRACTS.items() if one.by_sample}
    return {name: read & frozenset(parts) for name, read in every.items() if read & frozenset(parts)}


def ancestors(asset: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
    """The artifacts of a sample that an artifact is made from, directly or not, each after those it is made from.

    Args:
        asset: the artifact.
        settings: of the deployment.
        parts: of the knowledge, those that its reference has.
    """
    found: dict[str, None] = {}
    for name, taken in _CONTRACTS[asset].takes.items():
        for upstream in taken.assets(name, settings, parts):
            if _CONTRACTS[upstream].by_sample:
                found |= dict.fromkeys((*ancestors(upstream, settings, parts), upstream))
    return tuple(found)


def outdated(asset: str, services: Services, sample: str) -> str | None:
    """The first artifact, up to this one, that a run of the sample would make anew; absent where none would be.

    Reads that were moved after they were taken in are as they were.

    Raises:
        GenomicsError: an input is missing, damaged, or behind a shut gate.
    """
    for name in (*ancestors(asset, services.settings, services.knowledge.parts), asset):
        try:
            fresh = _CONTRACTS[name].is_fresh(services, sample)
        except FastqError:
            continue
        if not fresh:
            return name
    return None


@dataclass(frozen=True)
class Chain(Input):
    """Receipts of an artifact of the sample and of all of the sample's that it was made from, in the order of making.

    Attributes:
        end: the artifact; the parameter is handed its receipt last.
    """

    end: str

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The whole chain."""
        return (*ancestors(self.end, settings, parts), self.end)

    def open(self, parameter: str, scope: Scope) -> Opened:
        """Each through its gate."""
        names = self.assets(parameter, scope.services.settings, scope.services.knowledge.parts)
        receipts = tuple(scope.services.gate.require(asset, scope.sample) for asset in names)
        # Findings beside a parent may be the same bytes as without: that he was looked at, the receipts alone tell.
        kin = {name: version for one in receipts for name, version in one.recipe.inputs.items() if " of " in name}
        inputs = {receipt.asset: receipt.data_version for receipt in receipts}
        return Opened(receipts, inputs=inputs, parameters={"kin": kin})


@dataclass(frozen=True)
class OverriddenChecks(Input):
    """In words, the failed checks on the chain of an artifact that a person let pass.

    Attributes:
        end: the artifact.
        beside: artifacts beside that chain, each with the part of the knowledge without which there is none of it.
    """

    end: str
    beside: tuple[tuple[str, str], ...] = ()

    def assets(self, parameter: str, settings: Settings, parts: Collection[str]) -> tuple[str, ...]:
        """The whole chain, and what is beside it."""
        there = tuple(asset for asset, part in self.beside if part in parts)
        return (*Chain(self.end).assets(parameter, settings, parts), *there)

    def open(self, parameter: str, scope: Scope) -> Opened:
        """As the gate tells them."""
        names = self.assets(parameter, scope.services.settings, scope.services.knowledge.parts)
        told = scope.services.gate.overridden_checks(scope.sample, *names)
        return Opened(told, parameters={"overridden_checks": list(told)})


def _kind_of(asset: str, parameter: str, hint: Any) -> Input:
    kinds = [each for each in get_args(hint) if isinstance(each, Input)] if get_origin(hint) is Annotated else []
    if len(kinds) != 1:
        raise TypeError(
            f"the parameter {parameter} of {asset} does not say what it is made from (engine/ops/inputs.py)"
        )
    return kinds[0]


def _together(shares: Any) -> dict[str, Any]:
    """The shares of all inputs as one mapping; two that disagree would make one of them a lie."""
    whole: dict[str, Any] = {}
    for share in shares:
        for name, value in share.items():
            if whole.setdefault(name, value) != value:
                raise ValueError(f"two inputs disagree on {name}: {whole[name]!r} and {value!r}")
    return whole
