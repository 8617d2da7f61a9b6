"""From reads to gVCF: the interface to all variant callers, and the callers.

Filtering, joint genotyping and comparison are other packages' business.
"""
