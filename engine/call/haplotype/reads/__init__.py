"""From records of an alignment file to reads that are evidence in a region: decoded, filtered, clipped.

Which positions are looked at is decided elsewhere; what reads say about alleles too. Specification 1, 2 and 6.
"""
