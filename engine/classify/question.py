"""What an order asks about: the genes that it names and those of its panel, or, where it names none, every gene.

>>> from engine.reference.panels import Panel
>>> question_of(Person("P1", ordered_genes=("TP53",), panel="ataxia"), Panel("Ataxia", ("ATM", "TP53"), "2.1"))
Question(genes=('TP53', 'ATM'), panel='Ataxia, version 2.1', is_open=False)
>>> question_of(Person("P1", ordered_genes=("TP53",), panel="ataxia"))
Question(genes=('TP53',), panel='ataxia', is_open=True)
"""

from __future__ import annotations

from dataclasses import dataclass

from engine.person import Person
from engine.reference.panels import Panel


@dataclass(frozen=True)
class Question:
    """What is asked.

    Attributes:
        genes: symbols of the genes that the order names, then of those of its panel, each once.
        panel: name and version of the panel, absent where the order names none.
        is_open: nobody knows all the genes that were meant: the order names none, or a panel that is in no table. It
            asks about every gene then, but for those on the list of secondary findings that it does not name.
    """

    genes: tuple[str, ...] = ()
    panel: str | None = None
    is_open: bool = True


def question_of(person: Person, panel: Panel | None = None) -> Question:
    """What a person's order asks about, with the panel that it names as the table of panels has it."""
    genes = tuple(dict.fromkeys((*person.ordered_genes, *(panel.genes if panel else ()))))
    return Question(genes, _named(panel) if panel else person.panel, is_open=not genes or _is_unknown(person, panel))


def _is_unknown(person: Person, panel: Panel | None) -> bool:
    return person.panel is not None and panel is None


def _named(panel: Panel) -> str:
    return f"{panel.name}, version {panel.version}" if panel.version else panel.name
