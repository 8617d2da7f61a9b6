"""Making a release: the version, the changelog, what is built of it, and a list of what it is made from.

Not installed with the platform; ``make release`` runs it.
"""
