"""The rule set by which criteria are decided: thresholds, sources and what experts say of genes, as versioned data.

>>> rules = rule_set()
>>> rules.at("PVS1", "escapes_within"), sorted(rules.off)
(50, ['BP6', 'PP5'])
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from engine.errors import ClassificationError

RULES = Path(__file__).with_name("rules.yaml")


@dataclass(frozen=True)
class RuleSet:
    """Rules as their YAML has them.

    Attributes:
        version: of the rule set.
        off: criteria that are never met, and why.
        values: everything else, by section.
    """

    version: str
    off: Mapping[str, str]
    values: Mapping[str, Any]

    def at(self, *path: str) -> Any:
        """A value by the names of its sections.

        Raises:
            ClassificationError: the rule set does not have it.
        """
        found: Any = self.values
        for name in path:
            if not isinstance(found, Mapping) or name not in found:
                raise ClassificationError(
                    f"the rule set {self.version} has no {'.'.join(path)}",
                    file=RULES,
                    remedy="restore the file of the release, or add the value",
                )
            found = found[name]
        return found

    def of_gene(self, gene: str) -> Mapping[str, Any]:
        """What experts say of a gene; nothing where there is nothing."""
        said: Mapping[str, Any] = self.values.get("genes", {}).get(gene, {})
        return said

    def source(self, code: str) -> str:
        """Where the rule of a criterion comes from."""
        return str(self.values["sources"].get(code, self.values["sources"]["combination"]))


@cache
def rule_set(path: Path = RULES) -> RuleSet:
    """Read the rule set."""
    told = yaml.safe_load(path.read_text(encoding="utf-8"))
    return RuleSet(str(told["version"]), told["never_met"], told)
