"""What a new release of knowledge can change of what was said, told without interpreting anything again.

How artifacts are made and asked for is the business of :mod:`engine.ops`; here are tables and their comparison.
"""
