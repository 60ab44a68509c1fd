"""One build at a time, and the lock ends with its process."""

import os
import re
import subprocess
import sys
import threading
import time

import pytest

from orchestration.errors import LeadproofError
from orchestration.release import build_lock, running_build
from orchestration.release.locks import pointer_lock, publication_lock
from orchestration.settings import PROJECT_ROOT, Settings
from tests.fixtures.release_world import make_settings

HOLD = """
import sys, time
from pathlib import Path
from orchestration.release import build_lock
from tests.fixtures.release_world import make_settings
with build_lock(make_settings(Path(sys.argv[1])), "leadproof build"):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def settings(tmp_path) -> Settings:
    return make_settings(tmp_path)


def test_second_build_is_turned_away_with_who_and_since_when(settings):
    with build_lock(settings, "nightly run"):
        with pytest.raises(LeadproofError) as refusal, build_lock(settings, "leadproof build"):
            pytest.fail("two builds at once")
        holder = running_build(settings)

    assert re.search(
        rf"^Another build is running since \d{{4}}-\d\d-\d\d \d\d:\d\d:\d\d UTC "
        rf"\(nightly run, process {os.getpid()}\)\.$",
        refusal.value.message,
    )
    assert refusal.value.hint
    assert holder is not None
    assert holder.owner == "nightly run"


def test_lock_is_free_after_a_build_failed(settings):
    with pytest.raises(ValueError, match="broken"), build_lock(settings, "one"):
        raise ValueError("broken")

    assert running_build(settings) is None
    with build_lock(settings, "two"):
        pass


def test_nothing_is_running_before_the_first_build(settings):
    assert running_build(settings) is None


def test_lock_dies_with_its_process(settings, tmp_path):
    holder = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(tmp_path)], cwd=PROJECT_ROOT, stdout=subprocess.PIPE, text=True
    )
    try:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(LeadproofError, match=f"process {holder.pid}"), build_lock(settings, "second"):
            pytest.fail("two builds at once")
    finally:
        holder.kill()
        holder.wait()

    with build_lock(settings, "third"):
        pass


def test_child_processes_do_not_keep_the_lock(settings):
    with build_lock(settings, "one"):
        child = subprocess.Popen(["sleep", "30"], close_fds=False)
    try:
        with build_lock(settings, "two"):
            pass
    finally:
        child.kill()
        child.wait()


def test_asking_who_builds_turns_no_build_away(settings):
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            running_build(settings)

    with build_lock(settings, "first"):
        pass
    thread = threading.Thread(target=ask)
    thread.start()
    try:
        for _ in range(50):
            with build_lock(settings, "build"):
                pass
    finally:
        stop.set()
        thread.join()


def test_second_publication_is_turned_away(settings):
    with (
        publication_lock(settings, "one"),
        pytest.raises(LeadproofError, match="Another publication is running"),
        publication_lock(settings, "two"),
    ):
        pytest.fail("two publications at once")


def test_pointer_lock_waits_for_the_other(settings):
    entered = threading.Event()

    def hold() -> None:
        with pointer_lock(settings):
            entered.set()
            time.sleep(0.8)

    thread = threading.Thread(target=hold)
    thread.start()
    entered.wait()
    with pointer_lock(settings):
        assert True
    thread.join()


def test_state_folder_that_cannot_be_made_is_told_in_a_sentence(settings):
    settings.warehouse.write_text("a file where the warehouse belongs", encoding="utf-8")

    with (
        pytest.raises(LeadproofError, match="Taking the lock for a build failed"),
        build_lock(settings, "one"),
    ):
        pytest.fail("no lock can be taken")
