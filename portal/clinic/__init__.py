"""The clinicians' portal: work list, cases, findings, reads, sign-out, and who saw what.

It shows what the services of ``resources/`` answer and computes nothing. Whether somebody may do something is decided
in one place, :mod:`portal.clinic.rights`; every request passes it, and is an entry of the audit log before it is
answered (:mod:`portal.clinic.admission`).
"""
