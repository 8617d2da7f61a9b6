"""``python -m benchmarks.data_versions BEFORE AFTER``: which artifacts of two lakes have the same data versions.

For a change that is to leave results as they are: the same samples are taken through the code before and after it, each
into a data folder of its own, and what differs is named by asset and file.
"""

from __future__ import annotations

import argparse
import sys
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

from engine.receipt import Receipt

_ANY = "<sample>"


def main() -> int:
    """Print a row an asset; exit code 1 if nothing can be compared."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.data_versions", description=__doc__)
    parser.add_argument("before", type=Path, help="data folder, or its lake")
    parser.add_argument("after", type=Path, help="data folder, or its lake")
    options = parser.parse_args()
    before, after = receipts(options.before), receipts(options.after)
    if not before.keys() & after.keys():
        print("no artifact is in both lakes: give two data folders in which the same samples were run", file=sys.stderr)
        return 1
    print("\n".join(compared(before, after)))
    return 0


def receipts(folder: Path) -> dict[tuple[str, str], Receipt]:
    """The current receipt by asset and sample, the sample empty for what belongs to none."""
    root = folder / "lake" if (folder / "lake").is_dir() else folder
    found = (Receipt.from_json(path.read_text()) for path in sorted(root.glob("*/**/receipt.json")))
    return {(receipt.asset, receipt.sample or ""): receipt for receipt in found}


def compared(before: Mapping[tuple[str, str], Receipt], after: Mapping[tuple[str, str], Receipt]) -> Iterator[str]:
    """A line for each asset: how many are the same, and of those that are not, the files that differ."""
    for asset in sorted({asset for asset, _ in before.keys() | after.keys()}):
        both = sorted(key for key in before.keys() & after.keys() if key[0] == asset)
        others = [(before[key], after[key]) for key in both if before[key].data_version != after[key].data_version]
        files = Counter(text for pair in others for text in _differences(*pair))
        told = "; ".join(f"{text} ({count})" for text, count in sorted(files.items()))
        alone = [name for name, lake in (("before", before), ("after", after)) if any(key[0] == asset for key in lake)]
        where = "" if len(alone) == 2 else f"only {alone[0]}"
        yield f"{asset}: {where or f'{len(both) - len(others)} of {len(both)} the same'}{f'; {told}' if told else ''}"


def _differences(one: Receipt, other: Receipt) -> Iterator[str]:
    first, second = ({_name(file.name, each): file.sha256 for file in each.files} for each in (one, other))
    for name in sorted(first.keys() | second.keys()):
        if first.get(name) != second.get(name):
            how = "new" if name not in first else "gone" if name not in second else "differs"
            yield f"{name} {how}"


def _name(file: str, receipt: Receipt) -> str:
    return file.replace(receipt.sample, _ANY) if receipt.sample else file


if __name__ == "__main__":
    sys.exit(main())
