"""Ways to bring something before readers that no audit has passed, each made of a candidate that is good.

What is refused must be refused for the forgery alone: everything else about the candidate stays as it was.
Trying to publish belongs to ``routes``.
"""

import hashlib
import hmac
import json
import random
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from orchestration.digests import sha256_of, sha256_with_shared
from orchestration.release import Candidate, claim_build_token, read_candidate, seal_record, write_candidate
from orchestration.release.shared import months_noted
from orchestration.settings import Settings
from tests.fixtures.release_world import (
    MONTH_COLUMNS,
    SUITE,
    THRESHOLDS,
    build_id_of,
    make_build_db,
    make_candidate,
    make_policy,
    moment_of,
)

_RECORD, _SEAL = "audit.json", "audit.seal"
_NOTE, _NOTE_SEAL = "candidate.json", "candidate.seal"
_KEY = "audit.key"
_OTHER_DIGEST = "0" * 64


@dataclass
class Attempt:
    """One attempt to publish.

    Args:
        settings: Warehouse with a release and a candidate that may be published.
        number: Number of the candidate's build.
        drawn: Decides what the forgery leaves open.
        good: Files of the first build's audit, which was passed and published.
        arguments: What publication is told otherwise.
        late: Forges once the record has been checked, before anything is copied.
        told: What was forged exactly, for who reads a failure.
    """

    settings: Settings
    number: int
    drawn: random.Random
    good: dict[str, bytes]
    arguments: dict[str, Any] = field(default_factory=dict)
    late: Callable[[], None] | None = None
    told: str = ""

    @property
    def folder(self) -> Path:
        """The candidate's folder."""
        return self.settings.candidates / build_id_of(self.number)

    @property
    def database(self) -> Path:
        """The candidate's database."""
        return self.folder / "leadproof.duckdb"

    @property
    def candidate(self) -> Candidate:
        """The candidate as it is described at present."""
        return read_candidate(self.settings, build_id_of(self.number))

    def read(self, name: str) -> dict[str, Any]:
        """Read the record or the description."""
        content: dict[str, Any] = json.loads((self.folder / name).read_text(encoding="utf-8"))
        return content

    def write(self, name: str, content: dict[str, Any]) -> None:
        """Write the record or the description; whatever seal there was stays."""
        (self.folder / name).write_text(json.dumps(content), encoding="utf-8")

    def forge_record(self, **changes: Any) -> None:
        """Change the record, without the key of its seal."""
        self.told = f"{self.told} {changes}".strip()
        self.write(_RECORD, {**self.read(_RECORD), **changes})

    def audit_truly(self, **changes: Any) -> None:
        """Let an audit have come to something else: the record is sealed as audits seal it."""
        self.forge_record(**changes)
        seal_record(self.settings, self.folder / _RECORD)

    def forging_late(
        self, lock: Callable[..., AbstractContextManager[None]]
    ) -> Callable[..., AbstractContextManager[None]]:
        """Wrap the lock that publication takes after its checks, so that what comes late comes then."""

        @contextmanager
        def taken(settings: Settings, owner: str) -> Iterator[None]:
            with lock(settings, owner):
                if self.late:
                    self.late()
                yield

        return taken


@dataclass(frozen=True)
class Forgery:
    """A kind of forgery.

    Args:
        forge: Does it.
        needs_shared_files: Whether the candidate must have a mart in files that releases share.
    """

    forge: Callable[[Attempt], None]
    needs_shared_files: bool = False


FORGERIES: dict[str, Forgery] = {}
"""All kinds by name."""


def good_record_of(candidate: Candidate) -> dict[str, bytes]:
    """Keep the record of an audit that was passed, the description of what it passed, and their seals."""
    return {path.name: path.read_bytes() for path in candidate.folder.iterdir() if path != candidate.path}


_Forge = Callable[[Attempt], None]


def _kind(name: str, *, needs_shared_files: bool = False) -> Callable[[_Forge], _Forge]:
    def keep(forge: _Forge) -> _Forge:
        FORGERIES[name] = Forgery(forge, needs_shared_files)
        return forge

    return keep


# -- the record -----------------------------------------------------------------------------------


@_kind("results dropped")
def _(attempt: Attempt) -> None:
    results = attempt.read(_RECORD)["results"]
    attempt.forge_record(results=attempt.drawn.sample(results, attempt.drawn.randint(1, len(results) - 1)))


@_kind("results of a failed audit flipped")
def _(attempt: Attempt) -> None:
    _fail_truly(attempt)
    results = [{**each, "is_success": True, "failing_rows": 0} for each in attempt.read(_RECORD)["results"]]
    attempt.forge_record(results=results, verdict="passed")


@_kind("failing results of a failed audit dropped")
def _(attempt: Attempt) -> None:
    _fail_truly(attempt)
    results = attempt.read(_RECORD)["results"]
    kept = [each for each in results if each["is_success"] or each["severity"] == "warning"]
    invented = {**results[0], "is_success": True, "failing_rows": 0}
    attempt.forge_record(results=[*kept, invented], verdict="passed")


@_kind("results invented")
def _(attempt: Attempt) -> None:
    results = attempt.read(_RECORD)["results"]
    invented = [{**attempt.drawn.choice(results), "expectation": f"ExpectMore{each}"} for each in range(3)]
    attempt.forge_record(results=[*results, *invented])


@_kind("verdict of a failed audit changed")
def _(attempt: Attempt) -> None:
    _fail_truly(attempt)
    attempt.forge_record(verdict="passed")


@_kind("an audit that failed")
def _(attempt: Attempt) -> None:
    _fail_truly(attempt)


@_kind("an audit whose verdict hides that it failed")
def _(attempt: Attempt) -> None:
    _fail_truly(attempt)
    attempt.audit_truly(verdict="passed")


@_kind("an audit without a blocking expectation")
def _(attempt: Attempt) -> None:
    attempt.audit_truly(
        results=[{**each, "severity": "warning"} for each in attempt.read(_RECORD)["results"]]
    )


@_kind("an audit that looked at no row")
def _(attempt: Attempt) -> None:
    attempt.audit_truly(results=[{**each, "evaluated_rows": 0} for each in attempt.read(_RECORD)["results"]])


@_kind("an empty suite")
def _(attempt: Attempt) -> None:
    nothing = hashlib.sha256(b"").hexdigest()
    attempt.audit_truly(results=[], suite_digest=nothing)
    attempt.arguments["expected_suite_digest"] = nothing


@_kind("a promise without a result")
def _(attempt: Attempt) -> None:
    results = attempt.read(_RECORD)["results"]
    asked = {(each["expectation"], each["table_name"]) for each in results}
    missing = attempt.drawn.choice(
        [("ExpectMore", "people"), (results[0]["expectation"], "touches"), ("ExpectMore", "*")]
    )
    attempt.arguments["expected_promises"] = {*asked, missing}
    attempt.told = f"{missing} is promised"


@_kind("an audit of something else")
def _(attempt: Attempt) -> None:
    attempt.audit_truly(**_another(attempt))


@_kind("a record changed into one of something else")
def _(attempt: Attempt) -> None:
    attempt.forge_record(**_another(attempt))


@_kind("the suite changed since the audit")
def _(attempt: Attempt) -> None:
    attempt.arguments["expected_suite_digest"] = "suite-2"


@_kind("the suite changed since the audit, and the record with it")
def _(attempt: Attempt) -> None:
    attempt.arguments["expected_suite_digest"] = "suite-2"
    attempt.forge_record(suite_digest="suite-2")


@_kind("the tolerances changed since the audit")
def _(attempt: Attempt) -> None:
    attempt.arguments["expected_thresholds_digest"] = "thresholds-2"


@_kind("the tolerances changed since the audit, and the record with them")
def _(attempt: Attempt) -> None:
    attempt.arguments["expected_thresholds_digest"] = "thresholds-2"
    attempt.forge_record(thresholds_digest="thresholds-2")


@_kind("the record of a good build")
def _(attempt: Attempt) -> None:
    for name in (_RECORD, _SEAL):
        (attempt.folder / name).write_bytes(attempt.good[name])


@_kind("the record of a good build, made to fit")
def _(attempt: Attempt) -> None:
    own = attempt.read(_RECORD)
    for name in (_RECORD, _SEAL):
        (attempt.folder / name).write_bytes(attempt.good[name])
    attempt.forge_record(**{name: own[name] for name in ("build_id", "candidate_sha256", "as_of")})


@_kind("the record of a good build, where it lies")
def _(attempt: Attempt) -> None:
    elsewhere = attempt.settings.candidates / build_id_of(1)
    elsewhere.mkdir()
    for name, content in attempt.good.items():
        (elsewhere / name).write_bytes(content)
    attempt.arguments["audit_path"] = elsewhere / _RECORD


@_kind("the record of an earlier audit of the same build")
def _(attempt: Attempt) -> None:
    record, seal = ((attempt.folder / name).read_bytes() for name in (_RECORD, _SEAL))
    make_build_db(attempt.settings, attempt.number, people=51)
    write_candidate(
        attempt.settings,
        build_id=build_id_of(attempt.number),
        as_of=moment_of(attempt.number),
        month_columns=MONTH_COLUMNS,
    )
    (attempt.folder / _RECORD).write_bytes(record)
    (attempt.folder / _SEAL).write_bytes(seal)


@_kind("a damaged record")
def _(attempt: Attempt) -> None:
    _damage(attempt, _RECORD)


@_kind("a damaged record, sealed")
def _(attempt: Attempt) -> None:
    path = attempt.folder / _RECORD
    path.write_bytes(path.read_bytes()[: attempt.drawn.randrange(path.stat().st_size)])
    seal_record(attempt.settings, path)


@_kind("a record that lacks a field, sealed")
def _(attempt: Attempt) -> None:
    record = attempt.read(_RECORD)
    attempt.told = attempt.drawn.choice(sorted(record))
    del record[attempt.told]
    attempt.write(_RECORD, record)
    seal_record(attempt.settings, attempt.folder / _RECORD)


# -- the seal -------------------------------------------------------------------------------------


@_kind("a damaged or missing seal")
def _(attempt: Attempt) -> None:
    _damage(attempt, _SEAL)


@_kind("the seal of another record")
def _(attempt: Attempt) -> None:
    (attempt.folder / _SEAL).write_bytes(attempt.good[_SEAL])


@_kind("a seal made with another key")
def _(attempt: Attempt) -> None:
    key = attempt.drawn.choice([b"", b"guessed", attempt.drawn.randbytes(32).hex().encode()])
    digest = hmac.new(key, (attempt.folder / _RECORD).read_bytes(), hashlib.sha256).hexdigest()
    (attempt.folder / _SEAL).write_text(f"{digest}\n", encoding="ascii")


@_kind("a seal without a key: the digest of the record")
def _(attempt: Attempt) -> None:
    (attempt.folder / _SEAL).write_text(f"{sha256_of(attempt.folder / _RECORD)}\n", encoding="ascii")


@_kind("another warehouse's key, or none")
def _(attempt: Attempt) -> None:
    key = attempt.settings.build_db.parent / _KEY
    content = attempt.drawn.choice([None, b"", attempt.drawn.randbytes(32).hex().encode()])
    attempt.told = str(content)
    key.unlink()
    if content is not None:
        key.write_bytes(content)


# -- the candidate --------------------------------------------------------------------------------


@_kind("a byte of the candidate changed")
def _(attempt: Attempt) -> None:
    _change_byte(attempt, attempt.database)


@_kind("a byte of the candidate changed while it is published")
def _(attempt: Attempt) -> None:
    attempt.late = lambda: _change_byte(attempt, attempt.database)


@_kind("a byte of a shared file changed", needs_shared_files=True)
def _(attempt: Attempt) -> None:
    _change_byte(attempt, attempt.drawn.choice(attempt.candidate.shared_files))


@_kind("a byte of a shared file changed while it is published", needs_shared_files=True)
def _(attempt: Attempt) -> None:
    # One that no release holds yet: whoever changes another one changes what readers see already.
    own = [path for path in attempt.candidate.shared_files if path.stat().st_nlink == 1]
    chosen = attempt.drawn.choice(own)
    attempt.late = lambda: _change_byte(attempt, chosen)


@_kind("a shared file missing, or another in its place", needs_shared_files=True)
def _(attempt: Attempt) -> None:
    one, other = attempt.drawn.sample(attempt.candidate.shared_files, 2)
    attempt.told = f"{other.name} is {one.name}"
    other.unlink()
    if attempt.drawn.random() < 0.5:
        shutil.copyfile(one, other)


@_kind("rows of the candidate changed")
def _(attempt: Attempt) -> None:
    _change_rows(attempt)


@_kind("rows of the candidate changed, and its description with them")
def _(attempt: Attempt) -> None:
    _change_rows(attempt)
    _describe_anew(attempt)


@_kind("rows of the candidate changed, and description and record with them")
def _(attempt: Attempt) -> None:
    _change_rows(attempt)
    attempt.forge_record(candidate_sha256=_describe_anew(attempt))


@_kind("a table added")
def _(attempt: Attempt) -> None:
    _execute(attempt, "create table marts.gossip as select 1 as x")


@_kind("a table added, and description and record with it")
def _(attempt: Attempt) -> None:
    _execute(attempt, "create table marts.gossip as select 1 as x")
    note = attempt.read(_NOTE)
    note["tables"]["gossip"] = {"rows": 1, "digest": _OTHER_DIGEST}
    attempt.write(_NOTE, note)
    attempt.forge_record(candidate_sha256=_describe_anew(attempt))


@_kind("a table taken away")
def _(attempt: Attempt) -> None:
    _execute(attempt, f"drop table marts.{attempt.drawn.choice(['people', 'people_by_generation'])}")


@_kind("the candidate of a good build in its place")
def _(attempt: Attempt) -> None:
    shutil.copyfile(attempt.settings.current / "leadproof.duckdb", attempt.database)
    if attempt.drawn.random() < 0.5:
        attempt.forge_record(candidate_sha256=_describe_anew(attempt))


@_kind("a write-ahead log beside the candidate")
def _(attempt: Attempt) -> None:
    attempt.database.with_name(f"{attempt.database.name}.wal").write_bytes(b"rows that no digest covers")


@_kind("the description says something else")
def _(attempt: Attempt) -> None:
    note = attempt.read(_NOTE)
    table = note["tables"][attempt.drawn.choice(sorted(note["tables"]))]
    changes: list[tuple[dict[str, Any], str, Any]] = [
        (note, "sha256", _OTHER_DIGEST),
        (note, "as_of", moment_of(attempt.number - 1).isoformat()),
        (note, "written_at", moment_of(attempt.number + 9).isoformat()),
        (note, "build_id", build_id_of(attempt.number - 1)),
        (note, "shared", str(attempt.settings.warehouse)),
        (table, "digest", _OTHER_DIGEST),
        (table, "rows", table["rows"] + 1),
    ]
    for month in table.get("months", [])[:1]:
        changes += [(month, "rows", month["rows"] + 1), (month, "digest", _OTHER_DIGEST)]
        changes += [(month, "month", "undated"), (month, "file", f"../{month['file']}")]
    place, name, value = attempt.drawn.choice(changes)
    place[name] = value
    attempt.told = f"{name} is {value}"
    attempt.write(_NOTE, note)


@_kind("a damaged or missing description")
def _(attempt: Attempt) -> None:
    _damage(attempt, _NOTE)


@_kind("a description that lacks a field")
def _(attempt: Attempt) -> None:
    note = attempt.read(_NOTE)
    table = note["tables"][attempt.drawn.choice(sorted(note["tables"]))]
    place = attempt.drawn.choice([note, table])
    attempt.told = attempt.drawn.choice(sorted(place))
    del place[attempt.told]
    attempt.write(_NOTE, note)


@_kind("the description of a good build")
def _(attempt: Attempt) -> None:
    for name in (_NOTE, _NOTE_SEAL):
        (attempt.folder / name).write_bytes(attempt.good[name])


@_kind("the seal of another description")
def _(attempt: Attempt) -> None:
    name = attempt.drawn.choice([_SEAL, _NOTE_SEAL])
    (attempt.folder / _NOTE_SEAL).write_bytes(attempt.good[name])


@_kind("no candidate")
def _(attempt: Attempt) -> None:
    attempt.database.unlink()


# -- who may publish ------------------------------------------------------------------------------


@_kind("the token of another build, or none")
def _(attempt: Attempt) -> None:
    _take_token(attempt)


@_kind("the token of another build, taken while it is published")
def _(attempt: Attempt) -> None:
    attempt.late = lambda: _take_token(attempt)


@_kind("a build database of another build")
def _(attempt: Attempt) -> None:
    make_build_db(attempt.settings, attempt.number + attempt.drawn.choice([-1, 1]))


@_kind("contacts changed since the candidate was written")
def _(attempt: Attempt) -> None:
    attempt.told = attempt.drawn.choice(
        [
            "update restricted.contacts set email = 'another@example.com' where person_id = 'p_1'",
            "delete from restricted.contacts where person_id = 'p_1'",
            "insert into restricted.contacts select 'p_new', 'Somebody', 'new@example.com', null",
            "alter table restricted.contacts drop column phone",
        ]
    )
    with duckdb.connect(attempt.settings.build_db) as database:
        database.execute(attempt.told)


@_kind("other policy tables than those that the build used")
def _(attempt: Attempt) -> None:
    other = attempt.settings.warehouse / "policy_of_nobody"
    shutil.rmtree(other, ignore_errors=True)
    shutil.copytree(make_policy(attempt.settings, attempt.number), other)
    victim = attempt.drawn.choice(sorted(other.glob("*.csv")))
    attempt.told = attempt.drawn.choice(["changed", "taken away", "added"])
    if attempt.told == "changed":
        victim.write_bytes(victim.read_bytes() + b"\n")
    elif attempt.told == "taken away":
        victim.unlink()
    else:
        shutil.copyfile(victim, other / "of_nobody.csv")
    attempt.arguments["policy_dir"] = other


@_kind("a build that is published already, or an older one")
def _(attempt: Attempt) -> None:
    number = attempt.drawn.choice([0, 1])
    make_candidate(attempt.settings, number)
    attempt.arguments["build_id"] = build_id_of(number)
    attempt.arguments["audit_path"] = attempt.settings.candidates / build_id_of(number) / _RECORD


# -- helpers --------------------------------------------------------------------------------------


def _fail_truly(attempt: Attempt) -> None:
    first, *others = attempt.read(_RECORD)["results"]
    failed = {**first, "is_success": False, "failing_rows": 3, "failing_keys": ["p_1", "p_2", "p_3"]}
    attempt.audit_truly(results=[failed, *others], verdict="failed")


def _another(attempt: Attempt) -> dict[str, str]:
    """Something else than what is to be published: bytes, build, suite, tolerances or moment."""
    attempt.arguments["expected_thresholds_digest"] = THRESHOLDS
    assert attempt.read(_RECORD)["suite_digest"] == SUITE
    other = {
        "build_id": build_id_of(attempt.drawn.choice([1, attempt.number - 1, attempt.number + 1])),
        "candidate_sha256": attempt.drawn.choice([_OTHER_DIGEST, "", attempt.drawn.randbytes(32).hex()]),
        "suite_digest": attempt.drawn.choice(["suite-0", ""]),
        "thresholds_digest": attempt.drawn.choice(["thresholds-0", ""]),
        "as_of": moment_of(attempt.number + attempt.drawn.choice([-1, 1])).isoformat(),
    }
    names = attempt.drawn.sample(sorted(other), attempt.drawn.randint(1, len(other)))
    return {name: other[name] for name in names if other[name] != attempt.read(_RECORD)[name]}


def _damage(attempt: Attempt, name: str) -> None:
    path = attempt.folder / name
    content = path.read_bytes()
    how = attempt.drawn.choice(["missing", "empty", "cut", "changed", "a folder"])
    attempt.told = f"{name} is {how}"
    path.unlink()
    if how == "empty":
        path.touch()
    elif how == "cut":
        path.write_bytes(content[: attempt.drawn.randrange(len(content.rstrip()))])
    elif how == "changed":
        place = attempt.drawn.randrange(len(content.rstrip()))
        path.write_bytes(content[:place] + bytes([content[place] ^ 1]) + content[place + 1 :])
    elif how == "a folder":
        path.mkdir()


def _change_byte(attempt: Attempt, path: Path) -> None:
    path.chmod(0o600)
    place = attempt.drawn.randrange(path.stat().st_size)
    attempt.told = f"byte {place} of {path.name}"
    with path.open("r+b") as file:
        file.seek(place)
        (byte,) = file.read(1)
        file.seek(place)
        file.write(bytes([byte ^ (1 << attempt.drawn.randrange(8))]))


def _execute(attempt: Attempt, statement: str) -> None:
    with duckdb.connect(attempt.database) as database:
        database.execute(statement)
        database.execute("checkpoint")


def _change_rows(attempt: Attempt) -> None:
    key = f"p_{attempt.drawn.randrange(50)}"
    statement = attempt.drawn.choice(
        [
            f"update marts.people set score = score + 1 where person_id = '{key}'",
            f"delete from marts.people where person_id = '{key}'",
            f"insert into marts.people select person_id || 'x', generation, score from marts.people"
            f" where person_id = '{key}'",
        ]
    )
    attempt.told = statement
    _execute(attempt, statement)


def _describe_anew(attempt: Attempt) -> str:
    """Let the description tell the bytes as they are now; half of the time a build has said so itself."""
    note = attempt.read(_NOTE)
    months = months_noted(note["tables"])
    shared = {month.name: month.sha256 for files in months.values() for month in files}
    note["sha256"] = sha256_with_shared(sha256_of(attempt.database), shared)
    attempt.write(_NOTE, note)
    if attempt.drawn.random() < 0.5:
        seal_record(attempt.settings, attempt.folder / _NOTE)
    return str(note["sha256"])


def _take_token(attempt: Attempt) -> None:
    claim_build_token(attempt.settings, build_id_of(attempt.number + 1))
    token = attempt.settings.state / "build_token.json"
    how = attempt.drawn.choice(["another's", "missing", "empty", "no object"])
    attempt.told = f"the token is {how}"
    if how == "missing":
        token.unlink()
    elif how != "another's":
        token.write_text("" if how == "empty" else "[]", encoding="utf-8")
