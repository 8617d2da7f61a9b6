"""Strings that mean harm, the same ones each time: parts of paths, commands, markup, formulas, control codes."""

from __future__ import annotations

import random
from collections.abc import Iterator

PARTS = (
    *("../", "..\\", "/etc/passwd", "%2e%2e%2f", "file:///", "~root", "CON", "nul.", "-rf", "--help", "."),
    *("$(id)", "`id`", "; rm -rf /", "| cat", "&& x", "${HOME}", "%s%n", "{{7*7}}", "{% x %}", "#{x}", "${{x}}"),
    *("<script>alert(1)</script>", "<img src=x onerror=alert(1)>", '"><svg onload=x>', "</p>", "<!--", "-->", "]]>"),
    *("<?xml?>", "<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///x'>]>", "&e;", "&#60;b&#62;", "&lt;", "javascript:x()"),
    *("=1+1", "+1", "@SUM(A1)", '=HYPERLINK("http://x")', "\t=1", "'; DROP TABLE samples; --", '" OR 1=1', "\\'"),
    *("\x00", "\x07", "\x1b[2J", "\x7f", "\x85", "\r", "\n", "\r\n", "\t", "\u2028", "\ufeff", "\u202e", "\u2066"),
    *(
        "\uff41",
        "é",
        "ﬀ",
        "\u0301",
        "😀",
        "\ufffe",
        "|",
        "^",
        "~",
        "&",
        "\\",
        "\\.br\\",
        "\\X0D\\",
        "##",
        "#CHROM",
        ">",
    ),
    *("S1", "P-7", "PANK2", "17", "-1", "1e999", "NaN", "HP:0001250", " ", "", "x" * 300, "\x0bMSH|"),
)


def hostile_strings(count: int, seed: int = 16) -> Iterator[str]:
    """So many, each of one to four parts."""
    chance = random.Random(seed)
    for _ in range(count):
        yield "".join(chance.choices(PARTS, k=chance.randint(1, 4)))
