"""From reads to alignments: the aligner's index, the aligners behind one interface, and the stream that joins them.

Here belongs what needs an aligner. What is true of alignments whoever made them (duplicates, order, measures,
files) is in :mod:`engine.reads`.
"""
