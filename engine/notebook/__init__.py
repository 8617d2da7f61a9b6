"""Running notebooks as part of the pipeline: parameters in, a page with figures and measures out, or one clear error.

What the notebooks say is in ``notebooks/``; nothing here knows any of them.
"""
