"""A note of a process names that process for ever, and tells whether it lives."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace

from resources.process import ProcessMark


def test_this_process_lives_and_is_told_in_one_line() -> None:
    own = ProcessMark.own()
    assert own.pid == os.getpid() and own.is_alive
    assert ProcessMark.parse(own.text) == own


def test_a_process_that_ended_is_dead_before_and_after_its_parent_has_looked() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    mark = ProcessMark.of(child.pid)
    assert mark and mark.is_alive and mark.tell(signal.SIGKILL)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # it is a zombie now
    assert not mark.is_alive
    child.communicate()
    assert not mark.is_alive and not mark.tell(signal.SIGKILL)


def test_the_same_id_at_another_time_or_after_another_boot_is_another_process() -> None:
    own = ProcessMark.own()
    assert not replace(own, started=own.started - 1).is_alive
    assert not replace(own, boot="another").is_alive


def test_what_is_no_note_is_none() -> None:
    assert [ProcessMark.parse(text) for text in ("", "1", "1 2", "one 2 boot", "1 2 ")] == [None] * 5
