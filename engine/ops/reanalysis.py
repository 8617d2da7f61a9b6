"""Re-analysis: once knowledge has changed, whom the change touches, and that all others stand as they were said.

The touched are asked for again, each by a run of its own path; the others are confirmed together, in one publication.
Nothing here interprets anything: whom a difference touches is told by :mod:`engine.reanalysis`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from engine.code_version import code_version
from engine.errors import GenomicsError
from engine.ops.annotation import annotated_variants, note_carried
from engine.ops.artifact import readers_of
from engine.ops.inputs import Artifact, releases
from engine.ops.interpretation import findings
from engine.ops.services import Services
from engine.reads.registration import SampleStatus
from engine.reanalysis.confirmation import (
    CONFIRMATIONS,
    FILE,
    TOUCHED_FILE,
    confirms,
    write_confirmations,
    write_touched,
)
from engine.reanalysis.made import MADE_FILE, Made, made_with, read_made, write_made
from engine.receipt import Measure, Receipt, Recipe

if TYPE_CHECKING:
    import pyarrow as pa

INTERPRETED = (
    *("gene_model", "clinvar", "panels", "phenotypes", "frequencies"),
    *("predictors", "splice_predictors", "constraint", "dbsnp"),
)
"""Parts of the knowledge that interpretation reads. What reads are aligned to, and what is done with them on the way
to calls, is not re-analysed by itself."""
KNOWLEDGE = "knowledge"
"""Cause of a run that was asked for because a change of knowledge touches the sample."""
_MOST_NAMED = 3
_MARK = "noted up to"
"""Measure of the confirmations: the newest entry of the audit log that they know of."""
_DECIDED = "a person decided of an allele that it carries"
"""Why whoever has a decision in the findings is touched: what carriers are looked for by does not know it."""


@dataclass(frozen=True)
class Behind:
    """An artifact of a sample that was made with another version of a part than the current one.

    Attributes:
        sample: sample id.
        receipt: of the artifact.
        part: of the knowledge.
        made_with: data version of the part that it was made with.
        release: what people call that.
    """

    sample: str
    receipt: Receipt
    part: str
    made_with: str
    release: str


@dataclass(frozen=True)
class Reanalysis:
    """What came of a look.

    Attributes:
        receipt: of the confirmations in force.
        confirmed: how many samples were found to stand, by this look.
        touched: by sample why it is touched, in sentences.
        asked: of the touched, those whose run was asked for.
    """

    receipt: Receipt
    confirmed: int
    touched: Mapping[str, tuple[str, ...]]
    asked: tuple[str, ...]


def versions_in_force(services: Services) -> dict[str, str]:
    """Data version of each part that interpretation reads, as it is built now; LakeError where one is damaged."""
    parts = [part for part in services.knowledge.parts if part in INTERPRETED]
    return {part: services.knowledge.require(part).data_version for part in parts}


def behind(services: Services, samples: Iterable[str]) -> Iterator[Behind]:
    """What of some samples was made with other knowledge than there is now, and is not confirmed to stand under it.

    An artifact that cannot be read is passed over: that is told where it is used.
    """
    now = versions_in_force(services)
    readers = readers_of(tuple(now), services.settings, services.knowledge.parts)
    for sample in samples:
        for asset, parts in readers.items():
            receipt = None
            with suppress(GenomicsError):
                receipt = services.lake.receipt(asset, sample)
            for part in sorted(parts) if receipt else ():
                assert receipt
                made_with = receipt.recipe.inputs.get(part)
                if made_with in (None, now[part]) or _stands(services, receipt, part, now[part]):
                    continue
                release = receipt.recipe.knowledge.get(part, f"data version {str(made_with)[:12]}")
                yield Behind(sample, receipt, part, str(made_with), release)


def _stands(services: Services, receipt: Receipt, part: str, version: str) -> bool:
    told = services.confirmations.of(str(receipt.sample))
    return any(
        (one.asset, one.part, one.stands_under) == (receipt.asset, part, version) and confirms(one, receipt)
        for one in told
    )


def reanalyse(services: Services, log: Callable[[str], None] = lambda _: None) -> Reanalysis:
    """Find whom the knowledge as it is now touches, ask for their runs, and confirm all others in one publication.

    Done twice, or killed and done again, it comes to the same.

    Args:
        services: of the deployment.
        log: takes lines for the people who watch.

    Raises:
        GenomicsError: a part of the knowledge, or what samples carry, is missing or damaged.
    """
    look = _Look(services, log)
    touched = look.judge()
    confirmations, confirmed = look.confirmations(touched)
    with services.lake.work(CONFIRMATIONS) as work:
        write_confirmations(confirmations, work.folder / FILE)
        write_touched({sample: "; ".join(why) for sample, why in touched.items()}, work.folder / TOUCHED_FILE)
        write_made(look.made.table(), work.folder / MADE_FILE)
        measures: dict[str, Measure] = {"confirmed": confirmed, "touched": len(touched), _MARK: look.mark}
        receipt = work.publish(records=len(confirmations), recipe=look.recipe, measures=measures)
    made = look.made.last_made(touched)
    asked = tuple(sample for sample, why in sorted(touched.items()) if look.ask(sample, why, since=made[sample]))
    log(f"{confirmed:,} samples stand as they were said, {len(touched):,} are touched, {len(asked):,} asked for")
    return Reanalysis(receipt, confirmed, {sample: tuple(why) for sample, why in touched.items()}, asked)


class _Look:
    """One look at every sample, of which what happened since the last one is read, and the rest known."""

    def __init__(self, services: Services, log: Callable[[str], None]) -> None:
        self.services, self.log = services, log
        self.orders = services.registry.orders()
        self.now = versions_in_force(services)
        self.code = code_version("engine.ops.reanalysis:reanalyse")
        self.readers = readers_of(tuple(self.now), services.settings, services.knowledge.parts)
        before = services.lake.previous(CONFIRMATIONS)
        self.mark, news = services.lake.samples_since(str(before.measures.get(_MARK) or "") if before else "")
        kept = self._kept(before) if before and news is not None else None
        again = self.orders.keys() & news if kept is not None and news is not None else self.orders.keys()
        log(f"of {len(again):,} of {len(self.orders):,} samples it is read what they were made with")
        self.made = Made(
            kept,
            made_with(self._receipts(again), self.readers),
            again=again,
            taking_part=self.orders,
            now=self.now,
            confirmations=services.confirmations.table(),
        )

    def _kept(self, before: Receipt) -> pa.Table | None:
        """What an earlier look found, where the same code looked for the same."""
        same = before.recipe.tools == self.recipe.tools and before.recipe.parameters == self.recipe.parameters
        return read_made(self.services.lake.path(before, MADE_FILE)) if same else None

    def _receipts(self, samples: Iterable[str]) -> Iterator[Receipt]:
        """Of what is published of samples; what cannot be read is told where it is used."""
        for sample in samples:
            for asset in self.readers:
                with suppress(GenomicsError):
                    if receipt := self.services.lake.receipt(asset, sample):
                        yield receipt

    @property
    def recipe(self) -> Recipe:
        """What decides the confirmations."""
        readers = {asset: sorted(parts) for asset, parts in sorted(self.readers.items())}
        tools = self.code.tools(CONFIRMATIONS)
        return Recipe(inputs=self.now, tools=tools, knowledge=self._releases, parameters={"readers": readers})

    @cached_property
    def _releases(self) -> dict[str, str]:
        return releases(self.services.knowledge.require(part) for part in self.now)

    def judge(self) -> dict[str, list[str]]:
        """Why samples are touched."""
        touched: dict[str, list[str]] = {}
        decided = self.made.decided()
        for (part, made, release), samples in self.made.behind().items():
            said = f"{part} {release} to {self._releases.get(part, '')}"
            found = self._touched(part, made, samples) | dict.fromkeys(decided & set(samples), _DECIDED)
            self.log(f"{said}: {len(found):,} of {len(samples):,} samples are touched")
            for sample, why in found.items():
                touched.setdefault(sample, []).append(f"{said}: {why}")
        return touched

    def confirmations(self, touched: Collection[str]) -> tuple[pa.Table, int]:
        """The confirmations in force from now on, and how many samples they newly speak of."""
        when = datetime.now(UTC).isoformat(timespec="seconds")
        return self.made.confirmed(touched, releases=self._releases, when=when, code=self.code.digest)

    def ask(self, sample: str, why: Sequence[str], *, since: str) -> bool:
        """Ask for a run, once: what came to its end since and is behind all the same is a matter for a person."""
        if self.services.registry.sample(sample).status is not SampleStatus.DONE:
            return False
        if self.services.registry.asked_since(sample, cause=KNOWLEDGE, since=since):
            self.log(f"{sample} was asked for, and its run has not made it anew: look at its run")
            return False
        self.services.registry.ask_again(sample, cause=KNOWLEDGE, why="; ".join(why))
        return True

    def _touched(self, part: str, made_with: str, samples: Collection[str]) -> dict[str, str]:
        """Of the samples that were made with a version of a part, those that the current one touches, and why."""
        earlier = self.services.knowledge.earlier(part, made_with)
        if earlier is None:
            return dict.fromkeys(samples, "the earlier release is not kept, so that nobody knows what changed")
        if part == "clinvar":
            return self._touched_by_clinvar(earlier.bundle("clinvar").clinvar, samples)
        if part == "panels":
            return self._touched_by_panels(earlier.bundle("panels").panels, samples)
        return dict.fromkeys(samples, f"{part} is read as a whole")

    def _touched_by_panels(self, before: Path | None, samples: Collection[str]) -> dict[str, str]:
        from engine.reference.panels import panel_key, read_panels

        after = self.services.knowledge.bundle("panels").panels
        assert before and after
        was, now = read_panels(before), read_panels(after)
        changed = {key for key in was.keys() | now.keys() if was.get(key) != now.get(key)}
        named = {sample: self.orders[sample][1] or "" for sample in samples}
        return {
            sample: f"the panel {name} changed"
            for sample, name in named.items()
            if not changed.isdisjoint({panel_key(name), *map(panel_key, name.split(";"))})
        }

    def _touched_by_clinvar(self, before: Path | None, samples: Collection[str]) -> dict[str, str]:
        from engine.reanalysis.carried import TABLE
        from engine.reanalysis.difference import clinvar_difference, gene_spans
        from engine.reanalysis.touched import Reader, touches

        compares = "clinvar" in readers_of(["clinvar"], self.services.settings, self.services.knowledge.parts).get(
            findings.name, ()
        )
        bundle = self.services.knowledge.bundle(*(part for part in ("gene_model", "clinvar") if part in self.now))
        assert before and bundle.clinvar
        changes = clinvar_difference(before, bundle.clinvar)
        self.log(f"ClinVar differs in {len(changes):,} alleles")
        unknown = self._note_carried(samples)
        readers = [Reader(sample, self._asked(sample)) for sample in samples if sample not in unknown]
        files = [Path(name) for name in self.services.warehouse.files(TABLE)]
        spans = gene_spans(bundle.gene_model) if compares and bundle.gene_model else None
        by_sample: dict[str, dict[str, str]] = {}  # a change is told once of a sample, by what it carries where it can
        for one in sorted(touches(changes, files, readers, bundle, spans), key=lambda one: one.by == "gene"):
            by_sample.setdefault(one.sample, {}).setdefault(one.allele, str(one))
        told = dict.fromkeys(unknown, "what it carries is not known")
        return told | {sample: _listed(list(why.values())) for sample, why in by_sample.items()}

    def _note_carried(self, samples: Iterable[str]) -> set[str]:
        """Note what the samples carry, where that is not noted yet; those of whom it cannot be."""
        from engine.reanalysis.carried import TABLE, noted

        lake, unknown = self.services.lake, set()
        there = noted([Path(name) for name in self.services.warehouse.files(TABLE)])
        made = self.made.versions(annotated_variants.name)
        for sample in (one for one in samples if one not in made or there.get(one) != made[one]):
            try:
                note_carried(Artifact(lake.require(annotated_variants.name, sample), lake), self.services)
            except GenomicsError as error:
                self.log(f"{sample}: what it carries cannot be read: {error}")
                unknown.add(sample)
        return unknown

    def _asked(self, sample: str) -> frozenset[str]:
        """Genes that the order asks about; of a panel that is in no table those it names itself."""
        return self._genes(*self.orders[sample])

    def _genes(self, genes: tuple[str, ...], name: str | None) -> frozenset[str]:
        """Many samples have the same order, so that each is read once."""
        if (genes, name) not in self._known_orders:
            self._known_orders[genes, name] = frozenset((*genes, *self._genes_of_panel(name)))
        return self._known_orders[genes, name]

    def _genes_of_panel(self, name: str | None) -> tuple[str, ...]:
        from engine.reference.panels import panel_of

        with suppress(GenomicsError):
            if panel := panel_of(name, self._panels):
                return panel.genes
        return ()

    @cached_property
    def _known_orders(self) -> dict[tuple[tuple[str, ...], str | None], frozenset[str]]:
        return {}

    @cached_property
    def _panels(self) -> Path | None:
        return self.services.knowledge.bundle("panels").panels if "panels" in self.now else None


def _listed(why: Sequence[str]) -> str:
    more = len(why) - _MOST_NAMED
    return "; ".join(why[:_MOST_NAMED]) + (f"; and {more} more" if more > 0 else "")
