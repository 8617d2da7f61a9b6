"""Classification: from annotated variants to findings, what a clinician can act on in one person.

Which alleles are known to cause disease, whether the genotype suffices under the condition's inheritance, and what
the person agreed to hear. How findings are told to other systems is the business of :mod:`engine.fhir`.
"""
