"""YAML as a laboratory means it: a key given twice is refused, where the usual loader keeps the last in silence.

>>> load_yaml("mean_coverage: 20\\nmean_coverage: 2\\n")
Traceback (most recent call last):
yaml.constructor.ConstructorError: the key 'mean_coverage' is given twice
  in "<unicode string>", line 2, column 1:
    mean_coverage: 2
    ^
"""

from __future__ import annotations

from typing import Any

import yaml


class _Loader(yaml.SafeLoader):
    """Plain values only, and each key of a mapping once."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """The mapping of a node; ConstructorError where it has a key twice."""
        seen = set()
        for key, _ in node.value:
            name = (key.tag, key.value) if isinstance(key, yaml.ScalarNode) else None
            if name in seen:
                raise yaml.constructor.ConstructorError(
                    problem=f"the key {key.value!r} is given twice", problem_mark=key.start_mark
                )
            if name and key.tag != "tag:yaml.org,2002:merge":
                seen.add(name)
        return super().construct_mapping(node, deep)


def load_yaml(text: str) -> Any:
    """The one document of a YAML text; yaml.YAMLError where it is none, or a key stands twice in a mapping."""
    try:
        return yaml.load(text, _Loader)
    except RecursionError:
        raise yaml.YAMLError("it is nested more deeply than any list of settings") from None
    except ValueError as error:  # such as a thirteenth month
        raise yaml.YAMLError(str(error)) from None
