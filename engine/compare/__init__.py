"""How well one set of calls agrees with another: counted by haplotypes, so that spelling does not matter."""
