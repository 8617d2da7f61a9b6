"""The installed command ``genomics``: what a person does by hand at the platform, over the services of ``resources/``.

Nothing is computed and no rule of the laboratory is decided here; every change names the person and is written to the
audit log.
"""
