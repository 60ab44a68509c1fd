"""A world told in harmless words and in others, which must come to the same rows, word for word exchanged.

What the words are belongs to ``hostile_texts`` and to tests.
"""

import csv
import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from tests.integration.compiled_world import CompiledWorld
from tests.proof.moments import DAY, START, as_text
from tests.proof.warehouse import Marts, Warehouse
from tests.reference.values import trimmed

AS_OF = START + 60 * DAY
_ID = re.compile(r"^(p_)?[0-9a-f]{16,64}(:.*)?$")
_BETWEEN_BREAKS = re.compile(r"[^\r\n]+")
_OF_THE_LOAD = ("row_reconciliation", "restatements")


def harmless_words(words: Sequence[str]) -> tuple[str, ...]:
    """Words that nothing obeys, with line breaks where the others have some: a row is told by its line."""
    return tuple(_BETWEEN_BREAKS.sub(f"word{place:03}", word) for place, word in enumerate(words))


def address_of(place: int, word: str, *, is_plain: bool = False) -> str:
    """The address of a word's person: the word itself stands in it unless it has an `@` of its own.

    Args:
        place: Place of the word among the words.
        word: The word.
        is_plain: Whether the word is left out in any case.
    """
    return f"{f'person{place}' if is_plain or '@' in word else trimmed(word)}@firm{place}.example"


def tell(
    landing: Path,
    words: Sequence[str],
    *,
    begin: int = 0,
    plain: Sequence[int] = (),
    files: Sequence[str] = ("rows.csv",),
) -> None:
    """Tell of a person, a company, a campaign and touches for each word, in every free text of theirs.

    Args:
        landing: The landing folder.
        words: The words.
        begin: The place of the first among all words that are told.
        plain: Places of words that do not stand in addresses.
        files: Names of the files, among which the rows of a table are divided.
    """
    tables = ("companies", "contacts", "campaigns", "campaign_spend", "touches")
    rows: dict[str, list[dict[str, Any]]] = {table: [] for table in tables}
    for place, word in enumerate(words, begin):
        known = as_text(START)
        rows["companies"].append(
            {
                "source_company_id": f"{word} company",
                "company_name": word,
                "company_domain": f"firm{place}.example",
                "industry": word,
                "updated_at": known,
            }
        )
        rows["contacts"].append(
            {
                "source_contact_id": f"{word} contact",
                "source_company_id": f"{word} company",
                "email": address_of(place, word, is_plain=place in plain),
                "full_name": word,
                "job_title": word,
                "phone": word,
                "created_at": known,
                "updated_at": known,
            }
        )
        rows["campaigns"].append(
            {
                "campaign_id": f"{word} campaign",
                **{
                    name: word
                    for name in (
                        *("campaign_name", "segment_name", "segment_definition", "message_name"),
                        *("message_hypothesis", "success_threshold", "icp_version"),
                    )
                },
                "created_at": known,
                "updated_at": known,
            }
        )
        rows["campaign_spend"].append(
            {"campaign_id": f"{word} campaign", "spend_date": "2025-01-02", "amount": "10", "currency": "eur"}
        )
        for number, touch_type in enumerate(("email_sent", "email_reply", "form_submitted")):
            rows["touches"].append(
                {
                    "source_touch_id": f"{word} {number}",
                    "occurred_at": as_text(START + (number + 1) * DAY),
                    "source_contact_id": f"{word} contact",
                    "channel": "email" if number < 2 else "website",
                    "touch_type": touch_type,
                    # Outbound, so that the pages tell of campaigns and their messages.
                    "audience_consent": "none" if number == 0 else "",
                    "campaign_id": f"{word} campaign",
                    "landing_page": word,
                    "offer_id": word,
                    "response_intent": word,
                }
            )
    for table, told in rows.items():
        folder = landing / "leadproof" / table
        folder.mkdir(parents=True, exist_ok=True)
        for number, name in enumerate(files):
            with (folder / name).open("w", encoding="utf-8", newline="") as file:
                written = csv.DictWriter(file, list(told[0]))
                written.writeheader()
                written.writerows(told[number :: len(files)])


@contextmanager
def told_world(
    compiled: CompiledWorld, root: Path, words: Sequence[str], plain: Sequence[int] = ()
) -> Iterator[Warehouse]:
    """Tell words, load and build them.

    Args:
        compiled: The compiled models.
        root: Empty folder.
        words: The words.
        plain: Places of words that do not stand in addresses.

    Yields:
        The warehouse.
    """
    warehouse = Warehouse(compiled, root)
    try:
        tell(warehouse.settings.landing, words, plain=plain)
        warehouse.build(AS_OF)
        yield warehouse
    finally:
        warehouse.close()


def with_address_sign(words: Sequence[str]) -> list[int]:
    """Places of words that cannot stand in an address, because they have an `@` of their own."""
    return [place for place, word in enumerate(words) if "@" in word]


def differing_shapes(
    one: tuple[Marts, Sequence[str]], other: tuple[Marts, Sequence[str]]
) -> dict[str, tuple[list[str], list[str]]]:
    """Compare what two tellings came to, word by word exchanged.

    Args:
        one: Marts and the words that they were told in.
        other: The same of the other telling.

    Returns:
        By mart, a few of the rows that only one of them has.
    """
    first, second = _shapes(*one), _shapes(*other)
    return {
        table: (list(first[table] - second[table])[:2], list(second[table] - first[table])[:2])
        for table in first
        if first[table] != second[table]
    }


def _shapes(marts: Marts, words: Sequence[str]) -> dict[str, Counter[str]]:
    """The rows of each mart, with the number of the word in its place, and ids made from it left out."""
    known = [trimmed(word) or "" for word in words]
    # What follows a `#` or `?` of a page is not kept: visitors are named there.
    pages = {trimmed(re.split(r"[#?]", word)[0]) for word in known}

    def shape(name: str, value: object) -> object:
        if name == "landing_page" and value in pages:
            return "<page>"
        if not isinstance(value, str):
            return value
        for place, word in enumerate(known):
            value = value.replace(word, f"<{place}>").replace(word.lower(), f"<{place}>")
        return "<id>" if _ID.match(value) else value

    return {
        table: Counter(
            json.dumps({name: shape(name, cell) for name, cell in row.items()}, default=str) for row in rows
        )
        for table, rows in marts.items()
        if table not in _OF_THE_LOAD
    }
