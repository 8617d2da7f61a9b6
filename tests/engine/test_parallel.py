import threading
import time

import pytest

from engine.parallel import in_order


@pytest.mark.parametrize("threads", [1, 3])
def test_results_come_in_the_order_of_the_items(threads: int) -> None:
    def late_first(item: int) -> int:
        time.sleep(0.02 if item % 3 == 0 else 0)
        return item

    assert list(in_order(late_first, range(20), threads=threads)) == list(range(20))


def test_no_more_items_are_drawn_than_are_under_way() -> None:
    drawn = []

    def items():
        for i in range(100):
            drawn.append(i)
            yield i

    results = in_order(lambda item: item, items(), threads=2, ahead=2)
    for i in range(10):
        assert next(results) == i
        assert len(drawn) <= i + 5


def test_an_error_comes_after_the_results_before_it() -> None:
    def fail_at_five(item: int) -> int:
        if item == 5:
            raise ValueError("five")
        return item

    results, seen = in_order(fail_at_five, range(100), threads=3), []
    with pytest.raises(ValueError, match="five"):
        seen.extend(results)
    assert seen == [0, 1, 2, 3, 4]


def test_threads_end_when_nobody_wants_more() -> None:
    before = threading.active_count()
    results = in_order(lambda item: item, range(1000), threads=4)
    next(results)
    results.close()
    assert threading.active_count() == before
