"""The joint call as an asset: made when it is asked for, of everybody who takes part or of some, of a region or all."""

import dagster as dg
from pydantic import Field

from engine.ops.dagster_op import clear_failure
from engine.ops.joint_call import ASSET, publish
from engine.ops.services import Services
from genomics_assets.binding import OWNERS
from resources.spark import SPARK, genotype_everywhere


class JointCallConfig(dg.Config):
    """What is asked for.

    Attributes:
        samples: ids; everybody who takes part and whose gVCF may be used where empty.
        region: contig, or ``contig:start-end``, 1-based and inclusive; everything where empty.
    """

    samples: list[str] = Field(default_factory=list)
    region: str = ""


@dg.asset(
    name=ASSET,
    group_name="cohort",
    deps=[dg.AssetDep("gvcf", partition_mapping=dg.AllPartitionMapping()), "reference_genome"],
    required_resource_keys=set(Services.names()),
    description="Samples genotyped together from their gVCFs by the rules of GATK's GenotypeGVCFs, as VCF with its"
    " index. Made when it is asked for; a cohort that leaves is called by `genomics cohort call`.",
    owners=list(OWNERS),
    kinds={"vcf"},
    pool="cohort",
)
def joint_call(context: dg.AssetExecutionContext, config: JointCallConfig) -> dg.MaterializeResult[None]:
    """Call, and tell of how many."""
    services = Services.of(context.resources)
    with clear_failure(None):
        genotyping = genotype_everywhere if services.settings.cohort_engine == SPARK else None
        receipt = publish(services, config.samples, config.region or None, context.log.info, genotyping)
    return dg.MaterializeResult(
        data_version=dg.DataVersion(receipt.data_version),
        metadata={
            "records": receipt.records,
            "samples": int(str(receipt.measures["samples"])),
            "left out": int(str(receipt.measures["left_out"])),
            "region": config.region or "everything",
            "path": dg.MetadataValue.path(str(services.lake.folder(receipt))),
        },
    )
