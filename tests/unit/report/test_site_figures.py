"""Figures as pages write them."""

from orchestration.report.site.figures import decimal, point_interval, points, signed


def test_what_rounds_to_nothing_has_no_sign() -> None:
    assert [points(value) for value in (-0.0004, 0.0004, 0, -0.0006, 0.038)] == [
        "0.0 points",
        "0.0 points",
        "0.0 points",
        "\N{MINUS SIGN}0.1 points",
        "+3.8 points",
    ]
    assert point_interval(-0.0004, 0.1) == "0.0 to +10.0"
    assert [decimal(value) for value in (-0.04, -0.06, 1234.5)] == ["0.0", "\N{MINUS SIGN}0.1", "1,234.5"]
    assert [signed(value) for value in (0, -3, 1200)] == ["0", "\N{MINUS SIGN}3", "+1,200"]
