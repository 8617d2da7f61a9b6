"""Which named alleles of pharmacogenes a person carries, and what guidelines say of them."""
