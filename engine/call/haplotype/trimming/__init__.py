"""What haplotypes change in the reference, and the part of the region that is genotyped. Specification 9."""
