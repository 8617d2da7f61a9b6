"""Whether FHIR resources are what they say they are: judged against HL7's definitions, before anything leaves.

``definitions`` reads what HL7 defines, ``element`` makes trees of it, ``primitives``, ``slices``, ``invariants`` and
``references`` each judge one kind of rule, and ``validator`` walks a resource along its profile's tree. Nothing here
knows what we report.

>>> from engine.fhir.validation.validator import Validator
>>> observation = {"resourceType": "Observation", "id": "o1", "code": {"text": "x"}}
>>> [str(problem) for problem in Validator().resource(observation) if problem.severity == "error"]
['Observation/o1: Observation.status is missing (at least 1, found 0)']
"""
