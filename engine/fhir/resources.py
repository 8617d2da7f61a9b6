"""The bundle while it grows: entries with deterministic ids, each written with PUT.

An id is a uuid5 of the laboratory's system, the resource type and a key, so a bundle made again updates the same
resources. References go by ``urn:uuid:``, which a server resolves within the transaction.
"""

from __future__ import annotations

import uuid

from engine.fhir.codes import PROFILE, JsonObject
from engine.fhir.narrative import narrative


class Entries:
    """Resources in the order in which they were added.

    Attributes:
        system: the laboratory's identifier system.
    """

    def __init__(self, system: str) -> None:
        self.system = system
        self._namespace = uuid.uuid5(uuid.NAMESPACE_URL, system)
        self._resources: dict[str, JsonObject] = {}

    def identifier(self, kind: str, value: str) -> JsonObject:
        """An identifier of the laboratory's."""
        return {"system": f"{self.system}/{kind}", "value": value}

    def add(
        self, resource_type: str, key: str, content: JsonObject, *, profile: str | None = None, id: str | None = None
    ) -> JsonObject:
        """Add a resource and return a reference to it; a resource with the same id is added once.

        Args:
            resource_type: FHIR's name.
            key: tells it from all others of its type, now and whenever it is made again.
            content: elements.
            profile: the guide's profile, if it follows one.
            id: a uuid it already has.
        """
        name = id or str(uuid.uuid5(self._namespace, f"{resource_type}|{key}"))
        meta = {"meta": {"profile": [PROFILE + profile]}} if profile else {}
        self._resources.setdefault(name, {"resourceType": resource_type, "id": name, **meta, **content})
        return {"reference": f"urn:uuid:{name}"}

    def bundle(self, identifier: JsonObject, timestamp: str) -> JsonObject:
        """The transaction, each resource with its narrative."""
        return {
            "resourceType": "Bundle",
            "identifier": identifier,
            "type": "transaction",
            "timestamp": timestamp,
            "entry": [
                {
                    "fullUrl": f"urn:uuid:{name}",
                    "resource": resource | {"text": narrative(resource)},
                    "request": {"method": "PUT", "url": f"{resource['resourceType']}/{name}"},
                }
                for name, resource in self._resources.items()
            ],
        }
