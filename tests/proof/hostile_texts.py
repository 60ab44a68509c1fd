"""Texts that some program would obey, and statements that no reader may run, drawn from a grammar.

Where they stand, and what must not follow from them, belongs to ``injections``.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from random import Random

KINDS: dict[str, tuple[str, ...]] = {
    "SQL": (
        "'; drop schema marts cascade; --",
        '"; delete from landing.files; --',
        "$$; copy (select 1) to '<leak>.csv'; $$",
        "') union all select content from read_text('<secret>') --",
        "'||(select content from read_text('<secret>'))||'",
        "'; attach '<leak>.duckdb' as <mark>; --",
        "'; create table <mark> as select * from read_csv('/etc/passwd'); --",
        "/* ",
        "*/; drop table sentinel.kept; --",
        "'; update sentinel.kept set value = 0; --",
        "\\'; insert into sentinel.kept values (0); --",
        "x' or '1'='1",
        "'; install httpfs; load httpfs; --",
        "'; export database '<leak>'; --",
        "'; set enable_external_access = true; --",
    ),
    "Jinja": (
        "{{ 7 * 7 }}",
        "{{ env_var('HOME') }}",
        "{% do exceptions.raise_compiler_error('<mark>') %}",
        "{{ run_query('drop table sentinel.kept') }}",
        "{% for each in range(9) %}",
        "{#",
        "{% raw %}",
        "{% include '/etc/passwd' %}",
        "{{ self.__class__.__mro__ }}",
        "${{ <mark> }}",
    ),
    "paths": (
        "../../../../<mark>",
        "..\\..\\<mark>",
        "<leak>",
        "/etc/passwd",
        "file:///etc/passwd",
        "~/<mark>",
        "C:\\Windows\\<mark>",
        "/dev/stdout",
        "./.././<mark>",
    ),
    "formulas": (
        '=HYPERLINK("http://<mark>.invalid","x")',
        "=cmd|' /C calc'!A0",
        "+cmd|' /C calc'!A0",
        "-2+3+cmd|' /C calc'!A0",
        "@SUM(1+1)*cmd|' /C calc'!A0",
        "\t=1+1",
        "\r=1+1",
        "\n=1+1",
        "\uff1d1+1",
        ';=WEBSERVICE("http://<mark>.invalid")',
        ",=1+1",
        '",=1+1,"',
    ),
    "terminal": (
        "\x1b[2J\x1b[1;1H",
        "\x1b]0;<mark>\x07",
        "\x1b]8;;http://<mark>.invalid\x1b\\here\x1b]8;;\x1b\\",
        "\x1b]52;c;<mark>\x07",
        "\x1bP+q544e\x1b\\",
        "\x1b[6n",
        "\x9b31m",
        "\x9d0;<mark>\x9c",
        "\x08\x08\x08\x7f",
        "\r\nleadproof: <mark> was published",
        "\x0b\x0c\x85\u2028",
        "\u202e<mark>\u2066",
        "[red]<mark>[/red]",
        "[link=http://<mark>.invalid]here[/link]",
    ),
    "HTML": (
        "<script><mark>()</script>",
        "<img src=x onerror=<mark>()>",
        "</script><script><mark>()</script>",
        "</style><<mark>>",
        '"><svg/onload=<mark>()>',
        "' onmouseover='<mark>()",
        '<a href="javascript:<mark>()">here</a>',
        "</textarea><iframe srcdoc='<<mark>>'>",
        "<!-- ",
        "]]>",
        "&lt;<mark>&gt;",
    ),
    "formats": ("%s%n%x%p", "{0}{1}", "{self.__class__}", "{<mark>!r:>99}", "%(<mark>)s", "\\x1b[2J", "\\0"),
    "shell": (
        "$(touch <leak>)",
        "`touch <leak>`",
        "; touch <leak> #",
        "| tee <leak>",
        "&& touch <leak>",
        "> <leak>",
        "$HOME$IFS",
    ),
}
"""Pieces by what would obey them. `<mark>` is the text's own word, `<leak>` a path that must not come to be,
`<secret>` a file that must not be read."""

# A blank keeps an `@` from being taken for the sign of an address, which would be hidden.
_BETWEEN = (" ", "; ", ", ", " | ")
_LONGEST_NAME = 180


@dataclass(frozen=True)
class Grounds:
    """Folder beside a warehouse that nothing may change.

    Args:
        folder: The folder.
        mark: Begins the word that each text has of its own.
    """

    folder: Path
    mark: str

    @property
    def secret(self) -> Path:
        """A file that nothing may read."""
        return self.folder / "secret.csv"


def draw_text(rng: Random, grounds: Grounds, number: int) -> str:
    """Draw a text of one to four pieces that holds a word of its own.

    Args:
        rng: Decides.
        grounds: What its pieces aim at.
        number: Makes the word its own.
    """
    mark = f"{grounds.mark}{number}z"
    pieces = [rng.choice(KINDS[rng.choice([*KINDS])]) for _ in range(rng.randint(1, 4))]
    text = "".join(piece + rng.choice(_BETWEEN) for piece in pieces) + mark
    leak = str(grounds.folder / mark)
    return text.replace("<secret>", str(grounds.secret)).replace("<leak>", leak).replace("<mark>", mark)


def as_name(text: str) -> str:
    """Make a text one that a file or folder may bear and that the loader does not leave out."""
    name = text.replace("/", "\u2215").lstrip("._")
    return name.encode("utf-8")[-_LONGEST_NAME:].decode("utf-8", "ignore").lstrip("._")


# -- what a reader may not run ------------------------------------------------------------------------

_FOLDERS = ("{folder}", "{release}", "/tmp", "..", "{folder}/../..")
_FILES = (
    "{secret}",
    "/etc/passwd",
    "/proc/self/environ",
    "{folder}/../secret.csv",
    "file://{secret}",
    "{release}/manifest.json",
    "{release}/policy/stage_policy.csv",
    "{other}",
    "{folder}/*",
    "/etc/*",
    "http://127.0.0.1:9/x.csv",
    "https://127.0.0.1:9/x.parquet",
    "s3://bucket/x.parquet",
    "hf://datasets/a/b.csv",
)
_READERS = (
    "select * from read_csv('{path}')",
    "select * from read_csv_auto('{path}')",
    "select * from read_parquet('{path}')",
    "select * from parquet_metadata('{path}')",
    "select * from read_json('{path}')",
    "select * from read_json_objects('{path}')",
    "select * from read_text('{path}')",
    "select * from read_blob('{path}')",
    "select * from sniff_csv('{path}')",
    "select * from '{path}.csv'",
    "select * from '{path}.parquet'",
    "select count(*) from marts.people where person_id in (select content from read_text('{path}'))",
    "describe select * from read_csv('{path}')",
    "summarize select * from read_csv('{path}')",
)
_GLOBS = ("select * from glob('{path}/*')", "select * from glob('{path}/**')")
_WRITERS = (
    "copy marts.people to '{path}/{mark}.csv'",
    "copy (select 1 as x) to '{path}/{mark}.parquet' (format parquet)",
    "copy (select 1 as x, 2 as y) to '{path}/{mark}' (format csv, partition_by (x))",
    "copy marts.people from '{path}/{mark}.csv'",
    "export database '{path}/{mark}'",
    "import database '{path}/{mark}'",
    "attach '{path}/{mark}.duckdb'",
    "attach '{path}/{mark}.duckdb' as {mark}",
    "attach '{path}/other.duckdb' as other (read_only)",
    "load '{path}/{mark}.duckdb_extension'",
    "install '{path}/{mark}.duckdb_extension'",
)
_CHANGES = (
    "insert into marts.people values ('p_x', 1, 1.0)",
    "insert into marts.people select * from marts.people",
    "update marts.people set score = 0",
    "delete from marts.people",
    "truncate marts.people",
    "drop table marts.people",
    "drop schema marts cascade",
    "alter table marts.people add column {mark} int",
    "alter table marts.people rename to {mark}",
    "create table marts.{mark} as select 1 as x",
    "create schema {mark}",
    "create view marts.{mark} as select 1 as x",
    "create sequence marts.{mark}",
    "create macro marts.{mark}(x) as x",
    "create index {mark} on marts.people (person_id)",
    "create type marts.{mark} as enum ('x')",
    "comment on table marts.people is '{mark}'",
    "create or replace table marts.people as select 1 as x",
)
_EXTENSIONS = (
    "install httpfs",
    "load httpfs",
    "force install httpfs",
    "install httpfs from 'http://127.0.0.1:9/community'",
    "install spatial from 'http://127.0.0.1:9'",
    "load spatial",
    "update extensions",
    "install postgres",
    "load mysql",
    "load sqlite",
)
_SETTINGS = (
    "set enable_external_access = true",
    "set lock_configuration = false",
    "reset enable_external_access",
    "reset lock_configuration",
    "set global lock_configuration = false",
    "pragma enable_external_access = true",
    "set allowed_directories = ['/']",
    "set allowed_paths = ['{secret}']",
    "reset allowed_paths",
    "set autoload_known_extensions = true",
    "set autoinstall_known_extensions = true",
    "set allow_community_extensions = true",
    "set allow_unsigned_extensions = true",
    "set disabled_filesystems = ''",
    "set temp_directory = '{folder}'",
    "set extension_directory = '{folder}'",
    "set secret_directory = '{folder}'",
    "set home_directory = '{folder}'",
    "set memory_limit = '900GB'",
    "set threads = 99",
    "set TimeZone = 'America/New_York'",
    "set log_query_path = '{folder}/{mark}'",
    "set profiling_output = '{folder}/{mark}'",
    "pragma memory_limit = '900GB'",
    "set custom_extension_repository = 'http://127.0.0.1:9'",
    "set file_search_path = '{folder}'",
    "set max_temp_directory_size = '1TB'",
)
_SHAPES = (
    "{}",
    "with w as ({}) select * from w",
    "select * from ({}) as s",
    "from ({}) as s",
    "explain analyze {}",
    "create temp table w as {}",
)
_WORD = re.compile(r"'[^']*'|[A-Za-z_]+|\s+|.", re.DOTALL)
_GAPS = (" ", "  ", "\n", "\t", " /* ; */ ", " -- '\n", "\r\n")


def draw_statements(rng: Random, places: dict[str, Path], mark: str, number: int) -> list[tuple[str, str]]:
    """Draw statements that a closed-in reader must be refused.

    Args:
        rng: Decides.
        places: Paths by the names that the statements call them by: `folder`, `release`, `secret`, `other`.
        mark: Name of what must not come to be.
        number: How many.

    Returns:
        Kind and statement, in random case, with random blanks and comments; quoted texts stay as they are.
    """
    known = {name: str(path) for name, path in places.items()} | {"mark": mark}
    kinds: dict[str, Sequence[str]] = {
        "reading another file": [each.replace("{path}", path) for each in _READERS for path in _FILES],
        "listing a folder": [each.replace("{path}", path) for each in _GLOBS for path in _FOLDERS],
        "writing a file": [
            each.replace("{path}", path) for each in _WRITERS for path in ("{folder}", "{release}")
        ],
        "changing the release": _CHANGES,
        "extensions": _EXTENSIONS,
        "locked settings": _SETTINGS,
    }
    drawn = []
    for place in range(number):
        kind = [*kinds][place % len(kinds)]
        statement = rng.choice(kinds[kind])
        for name, value in known.items():
            statement = statement.replace(f"{{{name}}}", value)
        drawn.append((kind, _disguised(rng, statement)))
    return drawn


def _disguised(rng: Random, statement: str) -> str:
    """Write a statement otherwise, in a way that means the same."""
    style = rng.choice((str.lower, str.upper, str.title, str.swapcase, None))
    parts = []
    for part in _WORD.findall(statement):
        if part.isspace():
            parts.append(rng.choice(_GAPS))
        elif part.startswith("'"):
            parts.append(part)
        else:
            parts.append(
                style(part) if style else "".join(rng.choice((str.lower, str.upper))(c) for c in part)
            )
    written = "".join(parts)
    if statement.startswith("select"):
        shape = rng.choice(_SHAPES)
        written = shape.replace("{}", f"{written}\n")
    return rng.choice(("", "", "select 1; ", ";", "-- \n", "/**/")) + written + rng.choice(("", ";", " -- x"))
