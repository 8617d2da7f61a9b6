"""Reading single values out of a VCF line's INFO text, without taking all of it apart.

>>> info_value("DP=8;ORIGINAL=1|5|A|C,G|2;AC=1", "ORIGINAL="), info_value("DP=8", "AC=")
('1|5|A|C,G|2', '')
>>> key_of_two_values("DP=8;AC=1;DP=9"), key_of_two_values("DP=8;AC=1;DP=8")
('DP', None)
"""

from __future__ import annotations


def info_value(info: str, tag: str) -> str:
    """The value of a tag, given with its equals sign; empty where it is absent."""
    if info.startswith(tag):
        return info[len(tag) :].partition(";")[0]
    return info.partition(f";{tag}")[2].partition(";")[0]


def key_of_two_values(info: str) -> str | None:
    """The first key that is there again with another value, which VCF does not allow (4.3, section 1.6.1): readers take
    the one or the other. Absent where there is none.
    """
    items = info.split(";")
    seen = dict(item.partition("=")[::2] for item in items)
    if len(seen) == len(items):
        return None
    told = (item.partition("=")[::2] for item in items)
    return next((key for key, value in told if seen[key] != value), None)
