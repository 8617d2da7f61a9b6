"""Sequencing reads as files and as records: FASTQ in, sorted and duplicate-marked BAM or CRAM out, and their measures.

Here belongs what is true of reads whoever aligned them. Aligning is :mod:`engine.align`; variants are elsewhere.
"""
