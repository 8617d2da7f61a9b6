"""The work cut into windows and spread over cores: the plan, one window's calls, the workers.

What is cut changes nothing in the result; the order of lines is kept by :mod:`engine.call.haplotype.caller`.
"""
