"""Expectations about tables as such: keys, codes, people, clocks, privacy."""

from collections.abc import Iterable

from expectations.claims.base import Claim, examine, examine_columns, joined_key, name, text
from expectations.record import COLUMN_OF_KEY
from expectations.suites import MARTS

_PERSONAL_COLUMNS = (
    "email", "e_mail", "email_address", "phone", "phone_number", "mobile", "full_name", "first_name",
    "last_name", "person_name", "contact_name", "ip_address",
)  # fmt: skip
# Signs as they are and as links and HTML write them, once or packed into one another.
_AT = r"(?:@|%(?:25)*40|&(?:amp;)*(?:#0*64|#x0*40|commat);|\\u0040)"
_EMAIL = rf"(?i)[^\s@|,;]{_AT}[^\s@|,;]+(?:\.|%(?:25)*2e)[^\s@|,;]"
_PHONE = r"(?i)(?:\+|%(?:25)*2b)[1-9](?:[0-9 ().\-/]|%(?:25)*2[089f]){6,}[0-9]"
_BETWEEN = r"(?:[-. ]|%(?:25)*20)"
_NATIONAL_PHONE = (
    r"(?i)(?:\b|%(?:25)*[0-9a-f]{2})[0-9]{3}(?:\)|%(?:25)*29)?"
    rf"{_BETWEEN}[0-9]{{3}}{_BETWEEN}[0-9]{{4}}\b"
)
_QUERY_STRING = r"\?[^\s?=&]+="


class ExpectUniqueKey(Claim):
    """No two rows share the key.

    Args:
        key: The columns that make the key.
    """

    key: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        columns = ", ".join(name(column) for column in self.key)
        return f"""
            select {joined_key(self.key)} as key, '*' as source_system, copies as examined_rows,
                case when copies > 1 then copies else 0 end as failing_rows, cast(null as double) as observed
            from (select {columns}, count(*) as copies from batch group by {columns}) as grouped"""


class ExpectDeclaredColumns(Claim):
    """The table has the columns that are declared, of their types, and no other.

    Args:
        table: The mart.
        columns: Types by column.
    """

    table: str
    columns: dict[str, str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "coalesce(declared.column_name, present.column_name)",
            "declared.kind is distinct from present.kind",
            tail=f"""from (
                    select unnest([{self._listed(self.columns)}]) as column_name,
                        unnest([{self._listed(self.columns.values())}]) as kind
                ) as declared
                full join ({self._present()}) as present on declared.column_name = present.column_name""",
        )

    def scope_sql(self) -> str:
        """See ``Claim.scope_sql``."""
        return f"""
            select '*' as source_system, count(distinct column_name) as row_count
            from (
                select column_name from ({self._present()}) as present
                union all
                select unnest([{self._listed(self.columns)}])
            ) as names"""

    def _present(self) -> str:
        return f"""
            select column_name, lower(data_type) as kind from information_schema.columns
            where table_schema = {text(MARTS)} and table_name = {text(self.table)}"""

    @staticmethod
    def _listed(values: Iterable[str]) -> str:
        return ", ".join(text(value) for value in values)


class ExpectRequiredValues(Claim):
    """None of the columns is null.

    Args:
        columns: The columns, the key first.
    """

    columns: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        missing = {column: f"{name(column)} is null" for column in self.columns}
        return examine_columns(name(self.columns[0]), missing)


class ExpectAcceptedValues(Claim):
    """The columns hold nothing but the codes listed for them; null is a code of optional columns only.

    Args:
        accepted: Codes by column.
        optional: Those of the columns that may be null.
        key: The column that is reported.
    """

    accepted: dict[str, list[str]]
    optional: list[str]
    key: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        unknown = {
            column: f"coalesce({name(column)} not in ({', '.join(text(value) for value in values)}),"
            f" {'false' if column in self.optional else 'true'})"
            for column, values in self.accepted.items()
        }
        return examine_columns(name(self.key), unknown)


class ExpectPersonIdFormat(Claim):
    """Person ids are ``p_`` and sixteen hex digits.

    Args:
        columns: The columns that hold person ids.
    """

    columns: list[str]

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        wrong = " or ".join(
            f"not regexp_full_match({name(column)}, 'p_[0-9a-f]{{16}}')" for column in self.columns
        )
        return examine(name(self.columns[0]), wrong)


class ExpectKnownPeople(Claim):
    """Everybody in the table is listed in ``people``.

    Args:
        allow_excluded: Whether an excluded person may occur.
    """

    allow_excluded: bool

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        unknown = "people.person_id is null"
        if not self.allow_excluded:
            unknown += " or people.is_excluded"
        return examine(
            "batch.person_id",
            unknown,
            tail=f"from batch left join {MARTS}.people on batch.person_id = people.person_id",
        )


class ExpectAliasesOfKeys(Claim):
    """Every identity key of a person but the leading one has its alias."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "batch.person_id",
            "batch.identity_keys - 1 <> coalesce(aliases.row_count, 0)",
            tail=f"""from batch
                left join (
                    select person_id, count(*) as row_count from {MARTS}.person_aliases group by 1
                ) as aliases on batch.person_id = aliases.person_id""",
        )


class ExpectNothingAfterAsOf(Claim):
    """No time lies after the build's as-of.

    Args:
        time_column: The column that holds the time.
        key: The column that is reported.
    """

    time_column: str
    key: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(name(self.key), f"{name(self.time_column)} > timestamp {text(self.as_of)}")


class ExpectContextExplained(Claim):
    """A touch whose context is incomplete names the missing fields."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine("touch_id", "not is_context_complete and coalesce(missing_context_fields, '') = ''")


class ExpectOrderedVersions(Claim):
    """Versions of a campaign follow one another without overlapping."""

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine(
            "campaign_key",
            "coalesce(valid_to <= valid_from, false) or valid_to is distinct from next_from",
            tail="""from (
                select campaign_key, valid_from, valid_to,
                    lead(valid_from) over (
                        partition by source_system, campaign_id order by valid_from
                    ) as next_from
                from batch
            ) as versions""",
        )


class ExpectCoherentRates(Claim):
    """A rate is its count out of its number, within its interval; without anybody to count, there is none.

    Args:
        rates: The names of the rates, as their columns begin.
        key: The column that is reported.
    """

    rates: list[str]
    key: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        return examine_columns(name(self.key), {f"{rate}_rate": self._is_wrong(rate) for rate in self.rates})

    @staticmethod
    def _is_wrong(rate: str) -> str:
        n, count, share, low, high = (
            name(f"{rate}_{figure}") for figure in ("n", "count", "rate", "low", "high")
        )
        # Published figures are rounded to six decimals, each by itself.
        return f"""case
                when {n} > 0 then not coalesce(
                    {count} between 0 and {n} and abs({share} - {count} / {n}) < 0.000001
                    and {low} >= 0 and {low} <= {share} + 0.000001 and {share} <= {high} + 0.000001
                    and {high} <= 1,
                    false
                )
                else coalesce({n}, 0) <> 0 or coalesce({count}, 0) <> 0
                    or coalesce({share}, {low}, {high}) is not null
            end"""


class ExpectNoPersonalValues(Claim):
    """No column is named for personal data, and no text looks like it.

    Ids may be long numbers, so only e-mail addresses are looked for in columns that end in ``_id`` or
    ``_key``. A phone number without its country code is told apart from other numbers only by its groups,
    which takes a pattern on every text: seconds for each column of a large table. It is looked for where
    people's own words come in, and not in their copies.

    A key is reported with the first column of its row that breaks the promise: nobody could find the value by
    the key alone, and the value itself is not told.

    Args:
        columns: Every column of the table.
        text_columns: Those that hold text other than fixed codes.
        worded_columns: Those that hold people's own words.
        key: The column that is reported.
    """

    columns: list[str]
    text_columns: list[str]
    worded_columns: list[str]
    key: str

    def rows_sql(self) -> str:
        """See ``Claim.rows_sql``."""
        named = [column for column in self.columns if column in _PERSONAL_COLUMNS]
        looks = {column: _looks_personal(column) for column in self.text_columns}
        for column in self.worded_columns:
            looks[column] = [*looks.get(column, []), _matches(column, _NATIONAL_PHONE)]
        where = "cast(null as varchar)"
        if named:
            where = text(" and ".join(named))
        elif looks:
            cases = (f"when {' or '.join(each)} then {text(column)}" for column, each in looks.items())
            where = f"case {' '.join(cases)} end"
        return examine(
            f"coalesce(found_in || {text(COLUMN_OF_KEY)}, '')"
            " || coalesce(cast(own_key as varchar), '(no key)')",
            "found_in is not null",
            tail=f"from (select {name(self.key)} as own_key, {where} as found_in from batch) as looked",
        )


def _looks_personal(column: str) -> list[str]:
    looks = [_matches(column, _EMAIL, "@", "%", "&", "u0040")]
    if not column.endswith(("_id", "_key")):
        looks += [_matches(column, _PHONE, "+", "%"), _matches(column, _QUERY_STRING, "?")]
    return looks


def _matches(column: str, pattern: str, *signs: str) -> str:
    """A condition that is never null: the text holds one of the signs, and then matches the pattern.

    ``case`` keeps the pattern away from the texts without such a sign; ``and`` would try it on all of them,
    which takes six times as long.
    """
    value = f"cast({name(column)} as varchar)"
    first = " or ".join(f"contains({value}, {text(sign)})" for sign in signs) or f"{value} is not null"
    return f"case when {first} then regexp_matches({value}, {text(pattern)}) else false end"
