"""The doors people come in by: what stands before Dagster's web UI, and who is let through.

Knows the services of ``resources/`` and Dagster's web server; no asset, no sensor and no command is known here.
"""
