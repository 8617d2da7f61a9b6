"""Reading single values out of a VCF line's INFO text, without taking all of it apart.

>>> info_value("DP=8;ORIGINAL=1|5|A|C,G|2;AC=1", "ORIGINAL="), info_value("DP=8", "AC=")
('1|5|A|C,G|2', '')
"""

from __future__ import annotations


def info_value(info: str, tag: str) -> str:
    """The value of a tag, given with its equals sign; empty where it is absent."""
    if info.startswith(tag):
        return info[len(tag) :].partition(";")[0]
    return info.partition(f";{tag}")[2].partition(";")[0]
