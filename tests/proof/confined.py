"""The real job in a closed room: without a network, and on a disk that fills up; forgetting, too.

Run by ``unshare`` in a namespace of its own, so that neither needs rights nor touches the machine:

    unshare --map-root-user --net   .venv/bin/python -m tests.proof.confined network <folder>
    unshare --map-root-user --net   .venv/bin/python -m tests.proof.confined build <folder>
    unshare --map-root-user --mount .venv/bin/python -m tests.proof.confined disk <folder> --points 5 --seed 1
    unshare --map-root-user --mount .venv/bin/python -m tests.proof.confined forgetting <folder> --points 2

Prints one JSON object. What must hold is asserted here; who calls it says how often.
"""

import argparse
import json
import random
import shutil
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import duckdb

from orchestration.settings import PROJECT_ROOT
from tests.fixtures.erasure_world import found_in_files
from tests.integration.workshop import Workshop, make_workshop
from tests.proof.late_file import (
    BUILD,
    GOLDEN,
    assert_told,
    drop_late_file,
    publish_golden,
    put_back,
    rows_for_readers,
    run,
    tolerate_any_share,
    undisturbed,
)

_ATTEMPTS = {"Tcp": ("ActiveOpens",), "Udp": ("OutDatagrams",), "Ip": ("OutRequests", "OutNoRoutes")}
AS_OF = "2026-06-30T12:00:00"
"""When ``build`` looks at its landing files."""
_MEBI = 1 << 20
_SHARED = ("info", "sales", "hello", "contact", "office")
_ROOM = 2048 * _MEBI


def attempts() -> int:
    """Count what this namespace has tried to send, as the kernel counts it.

    A namespace without an address has no route: a connection that is tried, or a name that is asked for,
    counts as a packet without one.

    Returns:
        Connections opened, datagrams and packets sent or refused, IPv4 and IPv6.
    """
    found = 0
    lines = Path("/proc/net/snmp").read_text(encoding="ascii").splitlines()
    for names, values in zip(lines[::2], lines[1::2], strict=True):
        protocol, _, listed = names.partition(":")
        counted = dict(zip(listed.split(), values.partition(":")[2].split(), strict=True))
        found += sum(int(counted[name]) for name in _ATTEMPTS.get(protocol, ()))
    sent = dict(line.split() for line in Path("/proc/net/snmp6").read_text(encoding="ascii").splitlines())
    return found + int(sent["Ip6OutNoRoutes"]) + int(sent["Udp6OutDatagrams"])


class NoNamespaceError(Exception):
    """This machine gives an ordinary account no namespaces of its own."""


def confined(kind: str, what: str, folder: Path, seed: int = 1, points: int = 1) -> dict[str, Any]:
    """Run one of the four in a namespace of its own.

    Args:
        kind: ``--net`` or ``--mount``.
        what: ``network``, ``build``, ``disk`` or ``forgetting``.
        folder: Empty folder; for ``build`` with landing files in ``files``.
        seed: Of the sizes of disks.
        points: How many builds or forgettings meet a full disk.

    Returns:
        What it told.

    Raises:
        NoNamespaceError: If this machine gives none.
        AssertionError: If it failed.
    """
    room = ["unshare", "--map-root-user", kind]
    if not shutil.which("unshare") or subprocess.run([*room, "true"], capture_output=True).returncode:
        raise NoNamespaceError
    words = ["-m", "tests.proof.confined", what, str(folder), "--points", str(points), "--seed", str(seed)]
    done = subprocess.run(
        [*room, sys.executable, *words], cwd=PROJECT_ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    told: dict[str, Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return told


def prove_network(folder: Path, *words: str) -> dict[str, Any]:
    """Run a command that publishes, ask for the status, and count what they tried to send.

    Args:
        folder: Empty folder, or one with landing files in ``files``.
        words: The command.

    Returns:
        The count.
    """
    files = folder / "files"
    files.mkdir(exist_ok=True)
    workshop = make_workshop(folder, files)
    before = attempts()
    done = workshop.leadproof(*words)
    assert done.returncode == 0, done.stdout + done.stderr
    status = workshop.leadproof("status")
    assert status.returncode == 0, status.stderr
    after = attempts()
    # A counter that counts nothing would prove nothing.
    subprocess.run(
        [sys.executable, "-c", "import socket; socket.socket().connect_ex(('192.0.2.1', 80))"], check=True
    )
    assert attempts() > after, "the kernel does not count what is tried here"
    return {"attempts": after - before, "released": workshop.current() is not None}


def prove_disk(folder: Path, points: int, seed: int) -> dict[str, Any]:
    """Let the disk fill up while the real job builds, again and again, each time somewhere else.

    Args:
        folder: Empty folder.
        points: How many builds meet a full disk.
        seed: Of the sizes.

    Returns:
        How the builds ended.
    """
    workshop = make_workshop(folder, GOLDEN)
    disk = workshop.warehouse
    disk.mkdir()
    _mount(disk, _ROOM)
    publish_golden(workshop)
    kept = folder / "kept"
    expected = undisturbed(workshop, kept)
    drawn = random.Random(seed)
    tally: Counter[str] = Counter()
    for point in range(points):
        # More often little room than much: most of a build happens in the first megabytes.
        room = int(drawn.uniform(0.02, 1) ** 2 * 60 * _MEBI)
        _remount(disk, _used(disk) + room)
        served = rows_for_readers(workshop)
        file = drop_late_file(workshop)
        done = workshop.leadproof(*BUILD)
        tally["points"] += 1
        if done.returncode == 0:
            tally["builds that had room enough"] += 1
        else:
            told = f"with {room:,} bytes of room"
            assert_told(done, told, ("full", "No space left", "out of memory"))
            record = workshop.records()[-1] if workshop.records() else {"failure": None}
            failure = record["failure"] or {"phase": "start"}
            tally[f"full in {failure['phase']}"] += 1
            assert rows_for_readers(workshop) == served, f"readers see something else, {told}"
        _remount(disk, _ROOM)
        run(workshop, *BUILD)
        assert rows_for_readers(workshop) == expected, f"the build after {room:,} bytes of room differs"
        tally["builds after it that are like an undisturbed one"] += 1
        file.unlink()
        put_back(kept, disk)
        print(f"point {point + 1}: {room / _MEBI:.1f} MiB of room, exit {done.returncode}", file=sys.stderr)
    return dict(tally)


def prove_forgetting(folder: Path, points: int, seed: int) -> dict[str, Any]:
    """Let the disk be full while somebody is forgotten, each time somebody else with other room.

    Args:
        folder: Empty folder.
        points: How many forgettings meet a full disk.
        seed: Of the sizes and the people.

    Returns:
        How they ended.
    """
    workshop = make_workshop(folder, GOLDEN)
    disk = workshop.warehouse
    disk.mkdir()
    _mount(disk, _ROOM)
    publish_golden(workshop)
    tolerate_any_share(workshop)  # without somebody, shares of others are larger
    drawn = random.Random(seed)
    tally: Counter[str] = Counter()
    for point in range(points):
        address = drawn.choice(_addresses(workshop))
        room = int(drawn.uniform(0.02, 1) ** 2 * 8 * _MEBI)
        _remount(disk, _used(disk) + room)
        done = workshop.leadproof("forget", address)
        tally["forgettings on a disk that fills up"] += 1
        told = f"with {room:,} bytes of room"
        if done.returncode == 0:
            tally["forgettings that had room enough"] += 1
        else:
            assert_told(done, told, ("full", "No space left", "out of memory"))
            assert address not in done.stdout + done.stderr
            tally["forgettings that met the end"] += 1
        assert _strays(workshop) == 0, f"readers see half a release {told}"
        _remount(disk, _ROOM)
        # The next build finishes what was begun, and so does the command; of what was not, nothing is done.
        run(workshop, *(BUILD if drawn.random() < 0.5 else ("forget", address)))
        run(workshop, "forget", address)
        found, _ = found_in_files((disk, workshop.dagster_home), (address,))
        assert found == [], f"after a forgetting {told} the address is found in {found}"
        tally["forgettings after it that found nothing left"] += 1
        print(f"point {point + 1}: {room / _MEBI:.1f} MiB of room, exit {done.returncode}", file=sys.stderr)
    run(workshop, *BUILD)
    return dict(tally)


def _addresses(workshop: Workshop) -> list[str]:
    """Addresses that are no part of another and that one person has."""
    (contacts,) = (workshop.warehouse / "restricted").glob(f"{_current(workshop)}/*.parquet")
    with duckdb.connect() as connection:
        rows = connection.execute(
            f"select lower(email) from '{contacts}' where email is not null group by 1"
            " having count(distinct person_id) = 1 order by 1"
        ).fetchall()
    every = [row[0] for row in rows]
    return [
        address
        for address in every
        if sum(address in other for other in every) == 1 and address.split("@")[0] not in _SHARED
    ]


def _current(workshop: Workshop) -> str:
    return (workshop.warehouse / "current").readlink().name


def _strays(workshop: Workshop) -> int:
    """Touches of people whom the release does not know."""
    path = workshop.warehouse / "current" / "leadproof.duckdb"
    with duckdb.connect(str(path), read_only=True) as release:
        row = release.execute(
            "select count(*) from marts.touches where person_id not in (select person_id from marts.people)"
        ).fetchone()
    assert row is not None
    return int(row[0])


def _mount(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "none", str(folder)], check=True)


def _remount(folder: Path, size: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size}", str(folder)], check=True)


def _used(folder: Path) -> int:
    return shutil.disk_usage(folder).used


def main() -> None:
    """Run from the command line, inside a namespace."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("what", choices=("network", "build", "disk", "forgetting"))
    parser.add_argument("folder", type=Path)
    parser.add_argument("--points", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    options.folder.mkdir(parents=True, exist_ok=True)
    if options.what == "network":
        print(json.dumps(prove_network(options.folder, "demo", "--people", "400")))
    elif options.what == "build":
        print(json.dumps(prove_network(options.folder, "build", "--as-of", AS_OF)))
    elif options.what == "disk":
        print(json.dumps(prove_disk(options.folder, options.points, options.seed)))
    else:
        print(json.dumps(prove_forgetting(options.folder, options.points, options.seed)))


if __name__ == "__main__":
    main()
