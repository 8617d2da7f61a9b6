"""Short tandem repeats at loci where too many units cause disease: how many units each copy of the genome has."""
