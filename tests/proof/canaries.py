"""Personal values that can be recognised anywhere, in every personal field of every source and in bad rows.

Which builds are run on them belongs to ``personal``.
"""

import csv
import io
import random
from dataclasses import dataclass, field
from pathlib import Path

PERSONAL: dict[tuple[str, str], tuple[str, ...]] = {
    ("leadproof", "contacts"): ("source_contact_id", "email", "phone", "full_name", "job_title"),
    ("leadproof", "touches"): ("source_contact_id", "email", "anonymous_id", "landing_page"),
    ("leadproof", "handoffs"): ("source_contact_id", "email", "reason"),
    ("leadproof", "deals"): ("source_contact_id", "email"),
    ("zoho", "leads"): ("last_name", "lead_owner", "email", "mobile"),
    ("zoho", "contacts"): ("last_name", "contact_owner", "contact_owner_id", "email", "mobile"),
    ("zoho", "accounts"): ("account_owner", "account_owner_id"),
    ("zoho", "campaign_lead_status"): ("lead_first_name", "lead_last_name"),
    ("zoho", "calls"): ("call_owner", "call_owner_id", "subject", "call_purpose"),
    ("zoho", "events"): ("event_owner", "event_owner_id", "subject"),
    ("zoho", "potentials"): ("potential_name", "potential_owner"),
    ("olist", "closed_deals"): ("sdr_id", "sr_id"),
}
"""Columns of raw tables that hold something personal: of the people in the funnel, or of those who sell."""

_BROKEN_BY_A_CANARY = {
    ("leadproof", "contacts"): ("created_at", "employee_count", "updated_at"),
    ("leadproof", "touches"): ("occurred_at", "touch_type", "response_relevance"),
    ("leadproof", "handoffs"): ("occurred_at", "outcome"),
    ("leadproof", "deals"): ("occurred_at", "status", "amount"),
    ("zoho", "leads"): ("created_time", "industry", "lead_source"),
    ("zoho", "calls"): ("call_start_time", "call_type"),
    ("olist", "closed_deals"): ("won_date",),
}
"""Columns of which the wrong content must not be repeated by whoever complains of it."""


@dataclass
class Canaries:
    """The canaries of one seed.

    Args:
        seed: Makes them another one's.
        fields: Field by canary.
        person: Canaries of the one person who is to be forgotten; the first is the address.
    """

    seed: int
    fields: dict[str, str] = field(default_factory=dict)
    person: list[str] = field(default_factory=list)

    @property
    def marks(self) -> tuple[str, str]:
        """What every canary has in it, in one of two forms; nothing else has."""
        return f"canary{self.seed}x", f"+99 {self.seed:04d} "

    @property
    def blocked_mark(self) -> str:
        """What the canary has in it for which an audit blocks a candidate."""
        return f"blocked{self.seed}x"

    def new(self, place: str, kind: str) -> str:
        """Make a canary.

        Args:
            place: Field that it stands in.
            kind: Column, which decides what it looks like.

        Returns:
            The value.
        """
        number = len(self.fields)
        word = f"canary{self.seed}x{number}x"
        if kind == "email":
            word = f"{word}@Canary{self.seed}.example"
        elif kind == "blocked":
            word = f"{self.blocked_mark}{number}x@canary{self.seed}.example"
        elif kind in ("phone", "mobile"):
            word = f"+99 {self.seed:04d} {number:04d} 0815"
        elif kind == "landing_page":
            self.fields[word] = place
            addresses = f"{word}@canary.example/{word}%40canary.example"
            return f"https://shop.example/{addresses}/offer?from={word}#{word}"
        self.fields[word] = place
        return word

    def write(self, landing: Path) -> None:
        """Drop files with canaries beside the files that lie there already.

        Args:
            landing: The landing folder; each table that gets canaries has a CSV file in it.
        """
        rng = random.Random(self.seed)
        for (system, table), columns in PERSONAL.items():
            source = sorted((landing / system / table).rglob("*.csv"))[-1]
            with source.open(encoding="utf-8", newline="") as lines:
                # A simulated line may have a value too many; it is no row, whatever stands in it.
                rows = [row for row in csv.DictReader(lines) if None not in row]
            names = {_plain(name): name for name in rows[0]}
            told = [self._row(rng.choice(rows), system, table, columns, names) for _ in range(3)]
            for column in _BROKEN_BY_A_CANARY.get((system, table), ()):
                row = self._row(rng.choice(rows), system, table, columns, names)
                row[names[column]] = self.new(f"{system}.{table}.{column}, unreadable", "text")
                told.append(row)
            text = io.StringIO()
            writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
            writer.writeheader()
            # A snapshot is the whole table.
            writer.writerows([*rows, *told] if system == "zoho" else told)
            broken = self._row(rng.choice(rows), system, table, columns, names)
            line = ",".join(value or "" for value in broken.values()).replace('"', "")
            text.write(f"{line},one,value,too,many\n")
            target = source if system == "zoho" else source.with_name(f"canaries_{source.name}")
            target.write_text(text.getvalue(), encoding="utf-8")

    def add_person(self, landing: Path) -> None:
        """Drop rows of one more person, who has an address, a name, a record and a visitor's id."""
        address = self.new("person, email", "email")
        name, record = self.new("person, full_name", "text"), self.new("person, source_contact_id", "text")
        visitor = self.new("person, anonymous_id", "text")
        self.person = [address, name, record, visitor]
        contacts = sorted((landing / "leadproof" / "contacts").glob("contacts_*.csv"))[0]
        touches = sorted((landing / "leadproof" / "touches").rglob("touches_*.csv"))[0]
        (contacts.parent / "one_more.csv").write_text(
            f"source_contact_id,email,full_name,created_at\n{record},{address},{name},2026-06-01\n",
            encoding="utf-8",
        )
        (touches.parent / "one_more.csv").write_text(
            "source_touch_id,source_contact_id,email,anonymous_id,occurred_at,channel,touch_type\n"
            f"more-{self.seed}-1,,{address.upper()},{visitor},2026-06-02,web,form_submit\n"
            f"more-{self.seed}-2,,,{visitor},2026-06-01,web,content_download\n"
            f"more-{self.seed}-3,{record},,,2026-06-03,web,demo_request\n",
            encoding="utf-8",
        )

    def _row(
        self,
        like: dict[str, str],
        system: str,
        table: str,
        columns: tuple[str, ...],
        names: dict[str, str],
    ) -> dict[str, str]:
        row = dict(like)
        for column in columns:
            row[names[column]] = self.new(f"{system}.{table}.{column}", column)
        for column, name in names.items():
            if column.endswith("id") and column not in columns and column in _OWN_IDS:
                row[name] = f"{900_000 + len(self.fields)}"
        return row


_OWN_IDS = (
    "source_touch_id",
    "source_handoff_id",
    "source_deal_id",
    "leadid",
    "contactid",
    "eventid",
    "taskid",
)


def _plain(name: str) -> str:
    return "_".join("".join(letter if letter.isalnum() else " " for letter in name.lower()).split())
