"""Where data lives and which services answer: the lake, the registry, the knowledge, the warehouse, the audit log.

Nothing here knows which assets exist or when they are made. ``environment.py`` selects what a deployment uses.
"""
