"""What the environment says wrongly is told in one sentence, and settings show no secret."""

import pytest

from orchestration.errors import LeadproofError
from orchestration.settings import load_settings


@pytest.mark.parametrize("value", ["0", "-1", "two", "1.5", "²", "④"])
def test_number_that_is_none_is_told(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LEADPROOF_THREADS", value)
    with pytest.raises(LeadproofError, match=f"LEADPROOF_THREADS is '{value}', which is no whole number"):
        load_settings()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("16GB", 16_000_000_000),
        ("1.5 GiB", 1_610_612_736),
        ("512mb", 512_000_000),
        ("2TiB", 2_199_023_255_552),
        (" 20MB ", 20_000_000),
        ("", 16_000_000_000),
    ],
)
def test_memory_limit_in_bytes(monkeypatch: pytest.MonkeyPatch, value: str, expected: int) -> None:
    monkeypatch.setenv("LEADPROOF_MEMORY_LIMIT", value)
    assert load_settings().memory_bytes == expected


@pytest.mark.parametrize("value", ["80%", "16\u00a0GB", "\u0661\u0666GB", "16\u212aB", "16", "lots", "-1GB"])
def test_memory_limit_that_duckdb_would_not_take(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LEADPROOF_MEMORY_LIMIT", value)
    with pytest.raises(LeadproofError, match="which is no size"):
        load_settings()


@pytest.mark.parametrize("value", ["0GB", "0.5KB", "9MB"])
def test_memory_limit_that_opens_no_database(monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("LEADPROOF_MEMORY_LIMIT", value)
    with pytest.raises(LeadproofError, match=f"is '{value}', with which nothing can be built"):
        load_settings()


def test_settings_that_are_printed_show_no_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("ID_SALT", "SUPPRESSION_KEY"):
        monkeypatch.setenv(f"LEADPROOF_{name}", "very-secret")
    monkeypatch.setenv("LEADPROOF_NOTIFY_WEBHOOK", "http://127.0.0.1:9/very-secret")
    assert "very-secret" not in repr(load_settings())
