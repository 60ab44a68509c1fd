"""``leadproof forget``: rid everything that is kept of a person, keep them out, and certify it."""

import argparse
import sys
from typing import Any

from orchestration.commands.console import out, working
from orchestration.environment import load_env_file
from orchestration.errors import LeadproofError
from orchestration.settings import load_settings

_STDIN = "-"
_SHOWN_FILES = 20


def run(options: argparse.Namespace) -> int:
    """Erase a person, or say what that would remove.

    Args:
        options: ``person``, ``contact``, ``preview``.

    Returns:
        0 if nothing of the person is left.
    """
    from orchestration import erasure

    load_env_file()
    settings = load_settings()
    key = _key(options)
    if options.preview:
        with working("Looking for the person"):
            found = erasure.preview(settings, key)
        _tell(found, "would be removed")
        return 0
    with working("Starting"):
        certificate = erasure.forget(settings, key)
    _tell(certificate.content, "removed")
    out.print(f"Certificate: {certificate.path}", markup=False)
    out.print(
        "The next leadproof build computes everybody anew. Copies outside the warehouse, backups among them,"
        " are yours to clean.",
        markup=False,
    )
    return 0


def _key(options: argparse.Namespace) -> str:
    from orchestration import erasure

    if (options.person is None) == (options.contact is None):
        raise LeadproofError(
            "Nobody, or more than one person, is named.",
            "Give an e-mail address (- reads it from the input) or --contact <system>:<id>.",
        )
    if options.contact is not None:
        return erasure.contact_key(options.contact)
    # A word on the command line stays in the shell's history, and others see it while the command runs.
    return erasure.email_key(sys.stdin.readline() if options.person == _STDIN else options.person)


def _tell(content: dict[str, Any], verb: str) -> None:
    if not content["is_known"]:
        out.print("Nobody with this address or record is kept here.", markup=False)
        if "finished_at" in content:
            out.print("They will be kept out if a source sends them.", markup=False)
    raw_rows = sum(content["raw_rows"].values())
    lines = sum(content["raw_lines"].values())
    out.print(f"Raw rows {verb}: {raw_rows:,}, and {lines:,} unreadable lines", markup=False)
    if left := content["addresses_left"]:
        out.print(
            f"Addresses on their records that others bear too, and that stay: {left:,}. Once no record"
            " bears one, it can be forgotten by itself.",
            markup=False,
        )
    if "finished_at" in content:
        of_releases = sum(sum(counts.values()) for counts in content["releases"].values())
        out.print(
            f"Releases rewritten: {len(content['releases']):,}, with {of_releases:,} rows removed;"
            f" contacts: {content['contact_rows']:,}; other files cleaned: {content['redacted_files']:,}",
            markup=False,
        )
        searched = content["search"]
        out.print(
            f"Found afterwards in {searched['files']:,} files ({searched['bytes']:,} bytes,"
            f" {searched['values']:,} values): nothing",
            markup=False,
        )
    files = content["landing_files_to_delete"]
    if files:
        out.print(
            "Landing files hold them still; they belong to whoever drops them and are not touched:",
            markup=False,
        )
        for file in files[:_SHOWN_FILES]:
            rows_of_file = "not counted" if file["rows"] is None else f"{file['rows']:,} rows"
            out.print(f"  {file['path']}   {rows_of_file}", markup=False)
        if len(files) > _SHOWN_FILES:
            out.print(f"  and {len(files) - _SHOWN_FILES:,} more, listed in the certificate", markup=False)
    rows = content["policy_rows_to_delete"]
    if rows:
        out.print(
            "Policy tables name them still; delete these rows before the next build, or it keeps the address"
            " again:",
            markup=False,
        )
        for row in rows:
            out.print(f"  {row['path']}, row {row['row']}", markup=False)
    closed = content["landing_not_searched"]
    if closed:
        out.print(
            f"{len(closed):,} landing files or folders cannot be read, {closed[0]} among them; look there"
            " yourself.",
            markup=False,
        )
