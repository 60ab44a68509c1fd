"""One erasure from request to certificate: which step follows which, and what a kill leaves to be done.

First the person is put on the list of those who are kept out, and the journal says what is about to happen.
Every step after that can be done again; whoever finds the journal, the same command or the next build, does
them all.
"""

import re
import unicodedata
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from orchestration.erasure import build_database, files, releases, scope
from orchestration.erasure.account import left_to_who_builds
from orchestration.erasure.journal import (
    Journal,
    close_journal,
    moment_text,
    new_erasure_id,
    read_journal,
    write_journal,
    write_private_json,
)
from orchestration.erasure.needles import Needles, needles_of
from orchestration.erasure.search import (
    Looked,
    copies_holding,
    links_holding,
    search_everywhere,
    search_landing,
)
from orchestration.erasure.seeds import rows_naming
from orchestration.errors import LeadproofError
from orchestration.landing.declarations import read_declarations
from orchestration.landing.erased_names import without_forgotten
from orchestration.landing.identities import addresses_of, keys_of_table
from orchestration.landing.names import told_path
from orchestration.mentions import normalised, whole_address
from orchestration.progress import say
from orchestration.release.database import writer
from orchestration.release.files import explained
from orchestration.release.locks import build_lock, publication_lock
from orchestration.release.retention import sweep
from orchestration.release.store import list_releases
from orchestration.settings import IDENTIFIER, PROJECT_ROOT, Settings
from orchestration.suppression import Suppression, keep_out, keyed_digest, read_suppression

_OWNER = "leadproof forget"
_SHOWN_PLACES = 5
# Quotes, brackets and marks around an address would make it another one, whom nobody knows.
_BARE = re.compile(
    r"(?!mailto%3a|[\"'`\u00b4\u2018-\u201f\u2039\u203a\u00ab\xbb\[{(*]).+@[^\W_](?:.*[^\W_])?"
)


@dataclass(frozen=True)
class Certificate:
    """That a person is gone, and what went. It names nobody.

    Args:
        path: The file.
        content: What it says.
    """

    path: Path
    content: dict[str, Any]


def email_key(text: str) -> str:
    """Write an address as an identity key, as the models normalise it.

    Args:
        text: What was given, also as mail programs copy it: ``mailto:…`` or ``Name <…>``.

    Returns:
        The key.

    Raises:
        LeadproofError: If it is no address. What was given is not repeated.
    """
    _refuse_unwritable(text.strip(" \t\r\n"))
    address = whole_address(text)
    # What is seen by nobody within an address would make it another one, whom nobody knows. So would one of
    # two apostrophes, and a name before it may be another address.
    if (
        address is None
        or address.count("@") != 1
        or not _BARE.fullmatch(address)
        or not _stands_alone(normalised(text).replace("%40", "@"), address)
        or any(letter.isspace() or unicodedata.category(letter) == "Cf" for letter in address)
    ):
        raise LeadproofError(
            "What was given is no e-mail address.",
            "Give one address, or a record with --contact <system>:<id>.",
        )
    return f"email:{address}"


def _stands_alone(text: str, address: str) -> bool:
    """Whether a text names no other address, and apostrophes stand on both sides of this one or on none."""
    before, _, after = text.rpartition(address)
    return "@" not in text.replace(address, "") and before.endswith("'") == after.startswith("'")


def contact_key(text: str) -> str:
    """Write a contact record as an identity key.

    Args:
        text: ``<system>:<id>``.

    Returns:
        The key.

    Raises:
        LeadproofError: If it names no record.
    """
    _refuse_unwritable(text.strip())
    system, separator, record = text.strip().partition(":")
    if not separator or not IDENTIFIER.match(system) or not record.strip():
        raise LeadproofError(
            "What was given names no contact record.",
            "Write the source system, a colon and the id of the record.",
        )
    return f"contact:{system}:{record.strip()}"


def _refuse_unwritable(text: str) -> None:
    """Refuse what no text holds and no search finds: control characters, and bytes that are no UTF-8."""
    if any(unicodedata.category(letter) in ("Cc", "Cs") for letter in text):
        raise LeadproofError(
            "What was given holds control characters or is no UTF-8.",
            "Give one address, or a record with --contact <system>:<id>.",
        )


def forget(settings: Settings, key: str) -> Certificate:
    """Rid everything that Leadproof keeps of a person, and keep them out.

    Args:
        settings: Where everything lies.
        key: An identity key of the person.

    Returns:
        The certificate. A person whom nobody knows is kept out all the same.

    Raises:
        LeadproofError: If a build is running, the key links nobody, or something cannot be written; the next
            call, or the next build, goes on where it stopped.
    """
    with (
        left_to_who_builds(settings),
        build_lock(settings, _OWNER),
        _told_without_values("Erasing a person", settings),
    ):
        finish_unfinished(settings)
        return _erase(settings, {key}, key)


def preview(settings: Settings, key: str) -> dict[str, Any]:
    """Say what an erasure would remove, and remove nothing.

    Args:
        settings: Where everything lies.
        key: An identity key of the person.

    Returns:
        Counts, as in a certificate.

    Raises:
        LeadproofError: If a build is running, the key links nobody, or a file that only its owner may change
            holds the person.
    """
    with (
        left_to_who_builds(settings),
        build_lock(settings, _OWNER),
        _told_without_values("Looking for a person", settings),
    ):
        journal = Journal("", "", "", [key])
        _find(settings, journal, {key})
        _refuse_copies(settings, journal)
        return _counts(settings, journal)


def finish_unfinished(settings: Settings) -> Certificate | None:
    """Do the rest of an erasure that was killed. Only for a caller that holds the build lock.

    Args:
        settings: Where everything lies.

    Returns:
        Its certificate; None if every erasure is finished.
    """
    journal = read_journal(settings)
    if journal is None:
        return None
    say("Finishing an erasure that was interrupted")
    with _told_without_values("Finishing an erasure", settings):
        return _carry_out(settings, journal)


def is_unfinished(settings: Settings) -> bool:
    """Say whether an erasure was killed and waits to be finished.

    Args:
        settings: Where everything lies.

    Returns:
        Whether there is one.
    """
    return settings.unfinished_erasure.exists()


def erase_late_rows(settings: Settings) -> Certificate | None:
    """Erase rows of the forgotten that were loaded before anybody could know whose they are.

    A record of a forgotten person may arrive under a new id after rows that name nothing else. Only for a
    caller that holds the build lock.

    Args:
        settings: Where everything lies.

    Returns:
        The certificate; None if no such row is kept.
    """
    suppression = read_suppression(settings)
    if not suppression or not settings.build_db.is_file():
        return None
    with _told_without_values("Erasing rows of the forgotten", settings):
        found = _late_keys(settings, suppression)
        return _erase(settings, found, min(found), is_late=True) if found else None


def _late_keys(settings: Settings, suppression: Suppression) -> set[str]:
    """Record ids in raw rows that belong to somebody who has been forgotten."""
    declared = read_declarations(PROJECT_ROOT)
    found: set[str] = set()
    with writer(settings, [settings.build_db.parent]) as connection:
        build_database.attach_held(connection, settings.build_db)
        for table in scope.held_tables(connection, declared):
            held = keys_of_table(table.source_system, table.declared, table.types)
            if held is None or "contact" not in held.by_kind:
                continue
            cursor = connection.execute(f"select distinct {held.of('contact')} from {table.relation}")
            found |= suppression.matching(row[0] for row in cursor.fetchall() if row[0] is not None)
    return found


@contextmanager
def _told_without_values(action: str, settings: Settings) -> Iterator[None]:
    """Tell of an error without its cause: DuckDB's messages quote queries, and these name the person.

    A build hands causes on to Dagster, which keeps them.
    """
    try:
        with explained(action, settings.warehouse):
            yield
    except LeadproofError as error:
        raise LeadproofError(error.message, error.hint, error.details, error.cause) from None
    except Exception as error:
        raise LeadproofError(
            f"{action} failed with {type(error).__name__}.",
            "Run the same command again; what was done already stays done.",
        ) from None


def _erase(settings: Settings, start: Collection[str], subject: str, *, is_late: bool = False) -> Certificate:
    now = datetime.now(UTC)
    journal = Journal(
        erasure_id=new_erasure_id(now),
        requested_at=moment_text(now),
        subject=keyed_digest(settings, subject),
        keys=sorted(start),
    )
    say("Looking for the person")
    _find(settings, journal, start, is_late=is_late)
    _refuse_copies(settings, journal)
    # First of all: whoever is killed from here on leaves word of what is to do.
    write_journal(settings, journal)
    return _carry_out(settings, journal)


def _refuse_copies(settings: Settings, journal: Journal) -> None:
    needles = needles_of(journal.keys, journal.person_ids, journal.touch_ids)
    copies = copies_holding(settings, needles)
    if copies:
        raise LeadproofError(
            f"The person also stands in {copies[0]}, a database that is none of Leadproof's own.",
            "Remove it, or move it out of the warehouse, and run the same command again.",
        )
    linked = links_holding(settings, needles)
    if linked:
        raise _only_linked(linked[0])


def _only_linked(path: Path) -> LeadproofError:
    return LeadproofError(
        f"The person also stands in {path}, to which a link of Leadproof's folders leads.",
        "Leadproof changes nothing outside of its folders: take the person out of it, or remove the link, "
        "and run the same command again.",
    )


def _find(settings: Settings, journal: Journal, start: Collection[str], *, is_late: bool = False) -> None:
    releases.require_whole(settings)
    keys, person_ids = set(start), set()
    if settings.build_db.is_file():
        declared = read_declarations(PROJECT_ROOT)
        with writer(settings, [settings.build_db.parent]) as connection:
            build_database.attach_held(connection, settings.build_db)
            tables = scope.held_tables(connection, declared)
            if is_late:
                keys, own = scope.keys_of_late_records(connection, tables, start)
            else:
                own = keys = scope.keys_of_person(connection, tables, start)
            person_ids = scope.person_ids_of(connection, own, settings)
            person_ids |= releases.ids_by_address(settings, list_releases(settings), addresses_of(keys))
            needles = needles_of(keys, person_ids, ())
            found = build_database.find_rows(connection, tables, keys, needles, declared)
            journal.addresses_left = 0 if is_late else scope.addresses_left(connection, tables, keys)
        journal.rows, journal.raw_rows, journal.raw_lines = found.rows, found.raw_rows, found.raw_lines
        journal.cleaned_values, journal.landing_files = found.cleaned_values, {**found.landing_files}
    _find_in_landing(settings, journal, addresses_of(keys))
    kept = list_releases(settings)
    person_ids |= releases.ids_by_address(settings, kept, addresses_of(keys))
    journal.keys, journal.person_ids = sorted(keys), sorted(person_ids)
    journal.touch_ids = sorted(releases.touches_of(settings, kept, person_ids))


def _find_in_landing(settings: Settings, journal: Journal, addresses: Collection[str]) -> None:
    """Note the landing files that hold an address, those among them that nobody has loaded."""
    if not addresses:
        return
    say("Looking through the landing files")
    holding, closed = search_landing(settings, Needles(frozenset(addresses), frozenset(), frozenset()))
    suppression = read_suppression(settings)
    for path in holding:
        relative = _below_landing(settings, path)
        # The ledger may know it by a name without somebody who was forgotten earlier, which leads to no file.
        known = journal.landing_files.pop(without_forgotten(relative, suppression), None)
        journal.landing_files.setdefault(relative, known)
    journal.closed_landing = [_below_landing(settings, path) for path in closed]


def _below_landing(settings: Settings, path: Path) -> str:
    relative = path.relative_to(settings.landing).as_posix()
    return relative.encode("utf-8", "backslashreplace").decode("utf-8")


def _carry_out(settings: Settings, journal: Journal) -> Certificate:
    keep_out(settings, journal.keys)
    needles = needles_of(journal.keys, journal.person_ids, journal.touch_ids)
    releases.require_whole(settings)
    with publication_lock(settings, _OWNER):
        files.drop_candidates(settings)
    for release in list_releases(settings):
        say(f"Rewriting release {release.release_id}")
        removed = releases.forget_contacts(settings, release, journal.person_ids, needles)
        journal.contact_rows += removed
        counts = releases.forget_in_release(settings, release, journal, needles)
        if counts is not None:
            journal.releases[release.release_id] = counts
        write_journal(settings, journal)
    if settings.build_db.is_file():
        say("Rewriting the build database")
        build_database.rewrite_build_database(
            settings, read_declarations(PROJECT_ROOT), journal.keys, needles
        )
    say("Cleaning reports and logs")
    journal.redacted_files += files.redact_files(settings, needles)
    with publication_lock(settings, _OWNER):
        sweep(settings)
    say("Looking for what is left")
    looked = search_everywhere(settings, needles)
    if looked.found_in:
        linked = [path for path in looked.found_in if files.is_only_linked(settings, path)]
        raise _only_linked(linked[0]) if linked else _unfinished(looked)
    return _certify(settings, journal, looked)


def _certify(settings: Settings, journal: Journal, looked: Looked) -> Certificate:
    content = {
        "erasure_id": journal.erasure_id,
        "subject": journal.subject,
        "requested_at": journal.requested_at,
        "finished_at": moment_text(datetime.now(UTC)),
        **_counts(settings, journal),
        "search": {
            "files": looked.files,
            "bytes": looked.size_bytes,
            "values": looked.values,
            "occurrences": len(looked.found_in),
        },
    }
    name = f"certificates/{journal.erasure_id}.json"
    write_private_json(settings, name, content)
    close_journal(settings)
    return Certificate(settings.erasures / name, content)


def _counts(settings: Settings, journal: Journal) -> dict[str, Any]:
    return {
        "is_known": journal.is_about_somebody,
        "identity_keys": len(journal.keys),
        "raw_rows": journal.raw_rows,
        "raw_lines": journal.raw_lines,
        "cleaned_values": journal.cleaned_values,
        "addresses_left": journal.addresses_left,
        "releases": journal.releases,
        "contact_rows": journal.contact_rows,
        "redacted_files": journal.redacted_files,
        "landing_files_to_delete": [
            # A certificate names nobody, and a file may be called by an address.
            {"path": told_path(settings.landing / path, settings.landing), "rows": rows}
            for path, rows in sorted(journal.landing_files.items())
        ],
        "policy_rows_to_delete": [
            asdict(row)
            for row in rows_naming(
                PROJECT_ROOT, needles_of(journal.keys, journal.person_ids, journal.touch_ids)
            )
        ],
        "landing_not_searched": [
            told_path(settings.landing / path, settings.landing) for path in sorted(journal.closed_landing)
        ],
    }


def _unfinished(looked: Looked) -> LeadproofError:
    shown = ", ".join(str(path) for path in looked.found_in[:_SHOWN_PLACES])
    more = len(looked.found_in) - _SHOWN_PLACES
    return LeadproofError(
        f"The person is still found in {shown}{f' and {more} more files' if more > 0 else ''}.",
        "Close whatever writes there, or remove the files, and run the same command again.",
    )
