"""Base quality score recalibration as GATK does it: count mismatches by covariate, then correct every base quality.

Counting and the table are in :mod:`.recalibration` and :mod:`.table`, GATK's report format in :mod:`.report`,
correcting in :mod:`.apply`. Nothing here calls variants or decides whether recalibration is wanted.
"""
