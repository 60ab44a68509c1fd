"""Vega-Lite specifications as plain dictionaries: nothing is imported to draw, the reader's browser does it.

Colours are the page's CSS variables, so that a drawing follows light, dark and print as it stands.
"""

from collections.abc import Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any

Row = dict[str, Any]
Spec = dict[str, Any]
_SCHEMA = "https://vega.github.io/schema/vega-lite/v6.json"


def colour(role: str) -> str:
    """The CSS variable of a role in the palette."""
    return f"var(--{role.replace('_', '-')})"


def stacked_bars(
    rows: Sequence[Row],
    *,
    category: str,
    series: str,
    value: str,
    roles: Sequence[tuple[str, str]],
    order: Sequence[str],
    axis_title: str,
    has_totals: bool = True,
    number_format: str = ",",
    bar_step: int = 44,
) -> Spec:
    """Horizontal bars, one for each category, parts side by side within it.

    Args:
        rows: Data with the three fields.
        category: Field of the rows of the drawing.
        series: Field of the parts.
        value: Field of the length.
        roles: Value of the series and role in the palette, in the order of drawing.
        order: Categories from top to bottom.
        axis_title: What the length counts.
        has_totals: Whether the sum stands at the end of each bar.
        number_format: Format of the lengths.
        bar_step: Height of a bar with its gap, in pixels.

    Returns:
        The specification.
    """
    places = {name: place for place, (name, _) in enumerate(roles)}
    data = [row | {"_place": places.get(row[series], len(roles))} for row in rows]
    y = _names(category, order)
    height = bar_step * len({row[category] for row in rows})
    length = {
        "type": "quantitative",
        "title": axis_title,
        "axis": _counts_axis() | {"format": ",d" if number_format == "," else number_format},
    }
    bars: Row = {
        "mark": {"type": "bar", "height": {"band": 0.62}},
        "encoding": {
            "y": y,
            "x": {"field": value, "stack": "zero", **length},
            "color": _roles(series, roles),
            "order": {"field": "_place"},
            "tooltip": [_tip(category), _tip(series), _tip(value, axis_title, number_format)],
        },
    }
    if not has_totals:
        return _layered(data, height=height, layers=[bars])
    total = {"field": value, "aggregate": "sum", "type": "quantitative"}
    sums: Row = {
        "mark": {"type": "text", "align": "left", "dx": 7, "fontSize": 13, "color": colour("ink")},
        "encoding": {"y": y, "x": {**total, "stack": None}, "text": {**total, "format": number_format}},
    }
    return _layered(data, height=height, layers=[bars, sums])


def columns_over_time(
    rows: Sequence[Row],
    *,
    time: str,
    series: str,
    value: str,
    roles: Sequence[tuple[str, str]],
    axis_title: str,
    unit: str = "yearmonth",
    time_format: str = "%b %y",
    height: int = 180,
) -> Spec:
    """Columns over time, parts on top of each other.

    Args:
        rows: Data with the three fields.
        time: Field of the moment, the beginning of its span.
        series: Field of the parts.
        value: Field of the height.
        roles: Value of the series and role in the palette.
        axis_title: What the height counts.
        unit: Vega-Lite's time unit of a column.
        time_format: How moments are written.
        height: Of the drawing, in pixels.

    Returns:
        The specification.
    """
    places = {name: place for place, (name, _) in enumerate(roles)}
    data = [row | {"_place": places.get(row[series], len(roles))} for row in rows]
    return _spec(
        data,
        height=height,
        mark={"type": "bar", "width": {"band": 0.78}},
        encoding={
            "x": _time(time, unit, time_format),
            "y": {
                "field": value,
                "type": "quantitative",
                "stack": "zero",
                "title": axis_title,
                "axis": _counts_axis(),
            },
            "color": _roles(series, roles),
            "order": {"field": "_place"},
            "tooltip": [_when(time, time_format), _tip(series), _tip(value, axis_title, ",")],
        },
    )


def rates_over_time(
    rows: Sequence[Row],
    *,
    time: str,
    rate: str,
    low: str,
    high: str,
    axis_title: str,
    role: str = "ink",
    time_format: str = "%b %y",
    height: int = 200,
) -> Spec:
    """A rate over time with its interval as a band.

    Args:
        rows: Data with the fields; rates are 0-1.
        time: Field of the moment.
        rate: Field of the rate.
        low: Field of the interval's lower bound.
        high: Field of its upper bound.
        axis_title: What the rate is of.
        role: Role in the palette.
        time_format: How moments are written.
        height: Of the drawing, in pixels.

    Returns:
        The specification.
    """
    x = _time(time, "yearmonth", time_format)
    tips = [
        _when(time, time_format),
        _tip(rate, axis_title, ".1%"),
        _tip(low, "from", ".1%"),
        _tip(high, "to", ".1%"),
    ]
    return _layered(
        rows,
        height=height,
        layers=[
            {
                "mark": {"type": "bar", "width": {"band": 0.34}, "opacity": 0.28, "color": colour(role)},
                "encoding": {
                    "x": x,
                    "y": {"field": low, "type": "quantitative", "title": axis_title, "axis": _rates_axis()},
                    "y2": {"field": high},
                    "tooltip": tips,
                },
            },
            {
                "mark": {"type": "tick", "thickness": 3, "width": {"band": 0.62}, "color": colour(role)},
                "encoding": {"x": x, "y": {"field": rate, "type": "quantitative"}, "tooltip": tips},
            },
        ],
    )


def intervals(
    rows: Sequence[Row],
    *,
    category: str,
    rate: str,
    low: str,
    high: str,
    order: Sequence[str],
    axis_title: str,
    series: str = "",
    roles: Sequence[tuple[str, str]] = (),
    shapes: Sequence[str] = (),
    target: str = "",
    line_at: float | None = None,
    domain: tuple[float, float] | None = None,
    number_format: str = "~%",
    bar_step: int = 34,
) -> Spec:
    """Points with their intervals, one category under the other.

    Args:
        rows: Data with the fields.
        category: Field of the rows of the drawing.
        rate: Field of the point.
        low: Field of the interval's lower bound.
        high: Field of its upper bound.
        order: Categories from top to bottom.
        axis_title: What is measured.
        series: Field that colour and sign stand for; empty for one colour.
        roles: Value of the series and role in the palette.
        shapes: Vega's symbol for each role.
        target: Field of a mark beside the point, for example what was promised; empty for none.
        line_at: Where a line parts better from worse; None without one.
        domain: Ends of the axis; an arrow stands where something goes on beyond it. None for all of the data.
        number_format: Format of the axis.
        bar_step: Height of a row, in pixels.

    Returns:
        The specification.
    """
    y = _names(category, order)
    is_grouped = bool(series) and len({row[category] for row in rows}) < len(rows)
    shown = ".1%" if number_format == "~%" else ",.2f"
    tips = [_tip(category), _tip(rate, axis_title, shown), _tip(low, "from", shown), _tip(high, "to", shown)]
    common: Row = {"y": y, "tooltip": [*tips, _tip(series)] if series else tips}
    common["color"] = _roles(series, roles) if series else {"value": colour("ink")}
    if is_grouped:
        common["yOffset"] = {"field": series, "type": "nominal", "sort": [name for name, _ in roles]}
    x: Row = {"type": "quantitative", "title": axis_title, "axis": _even_axis(number_format)}
    if domain:
        x["scale"] = {"domain": list(domain), "nice": False}
    sign: Row = {}
    if shapes:
        scale = {"domain": [name for name, _ in roles], "range": list(shapes)}
        sign = {"shape": {"field": series, "type": "nominal", "scale": scale, "legend": None}}
    layers: list[Row] = []
    if line_at is not None:
        line = {"x": {"datum": line_at, "type": "quantitative"}}
        layers.append(
            {"mark": {"type": "rule", "color": colour("ink"), "strokeWidth": 1.4}, "encoding": line}
        )
    layers += [
        {
            "mark": {"type": "rule", "strokeWidth": 3, "opacity": 0.5, "clip": True},
            "encoding": {**common, "x": {"field": low, **x}, "x2": {"field": high}},
        },
        {
            "mark": {"type": "point", "filled": True, "size": 95, "opacity": 1},
            "encoding": {**common, **sign, "x": {"field": rate, **x}},
            "transform": [{"filter": f"datum.{rate} <= {domain[1]}"}] if domain else [],
        },
    ]
    if domain:
        layers += _arrows(common, x, rate=rate, high=high, end=domain[1])
    if target:
        mark = {"type": "tick", "thickness": 2.5, "height": 18, "color": colour("ink")}
        placed = {
            "y": y,
            "x": {"field": target, **x},
            "tooltip": [_tip(category), _tip(target, "target", shown)],
        }
        layers.append({"mark": mark, "encoding": placed})
    places = len({(row[category], row[series] if is_grouped else "") for row in rows})
    return _layered(rows, height=bar_step * places, layers=layers)


def _arrows(common: Row, x: Row, *, rate: str, high: str, end: float) -> list[Row]:
    """Point to what lies beyond the end of the axis, and say where a point does."""
    at_end = {**common, "x": {"datum": end, **x}}
    arrow = {"type": "point", "filled": True, "shape": "triangle-right", "size": 80, "opacity": 1}
    text = {"type": "text", "align": "right", "dx": -10, "fontSize": 12.5, "color": colour("ink")}
    return [
        {"mark": arrow, "encoding": at_end, "transform": [{"filter": f"datum.{high} > {end}"}]},
        {
            "mark": text,
            "encoding": {
                "y": common["y"],
                "x": {"datum": end, **x},
                "text": {"field": rate, "type": "quantitative", "format": ",.1f"},
            },
            "transform": [{"filter": f"datum.{rate} > {end}"}],
        },
    ]


def curves(
    rows: Sequence[Row],
    *,
    time: str,
    rate: str,
    low: str,
    high: str,
    series: str,
    roles: Sequence[tuple[str, str]],
    axis_title: str,
    time_title: str,
    height: int = 210,
) -> Spec:
    """Shares that grow in steps, with their intervals as bands.

    Args:
        rows: Data with the fields, each curve from its zero on.
        time: Field of the days passed.
        rate: Field of the share.
        low: Field of the interval's lower bound.
        high: Field of its upper bound.
        series: Field that colour stands for.
        roles: Value of the series and role in the palette.
        axis_title: What the share is of.
        time_title: Since what days are counted.
        height: Of the drawing, in pixels.

    Returns:
        The specification.
    """
    x = {
        "field": time,
        "type": "quantitative",
        "title": time_title,
        "axis": {"grid": False, "tickCount": 5, "format": "d"},
        "scale": {"nice": False},
    }
    shade = {"color": _roles(series, roles)}
    tips = [
        _tip(series),
        _tip(time, "days", "d"),
        _tip(rate, axis_title, ".1%"),
        _tip(low, "from", ".1%"),
        _tip(high, "to", ".1%"),
    ]
    return _layered(
        rows,
        height=height,
        layers=[
            {
                "mark": {"type": "area", "interpolate": "step-after", "opacity": 0.16},
                "encoding": {
                    "x": x,
                    "y": {"field": low, "type": "quantitative", "title": axis_title, "axis": _rates_axis()},
                    "y2": {"field": high},
                    **shade,
                },
            },
            {
                "mark": {"type": "line", "interpolate": "step-after", "strokeWidth": 2.2},
                "encoding": {"x": x, "y": {"field": rate, "type": "quantitative"}, "tooltip": tips, **shade},
            },
        ],
    )


def plain(value: Any) -> Any:
    """Write a value of a mart for JSON: days as text, decimals as numbers."""
    if isinstance(value, dict):
        return {key: plain(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if isinstance(value, datetime):
        return value.isoformat(timespec="seconds")
    if isinstance(value, date):
        return f"{value.isoformat()}T00:00:00"
    return float(value) if isinstance(value, Decimal) else value


def _spec(rows: Sequence[Row], *, height: Any, mark: Row, encoding: Row) -> Spec:
    return _base(rows, height) | {"mark": mark, "encoding": encoding}


def _layered(rows: Sequence[Row], *, height: Any, layers: list[Row]) -> Spec:
    return _base(rows, height) | {"layer": layers}


def _base(rows: Sequence[Row], height: Any) -> Spec:
    return {
        "$schema": _SCHEMA,
        "width": "container",
        "height": height,
        "data": {"values": [plain(row) for row in rows]},
    }


def _names(field: str, order: Sequence[str]) -> Row:
    return {
        "field": field,
        "type": "nominal",
        "sort": list(order),
        "title": None,
        "axis": {"domain": False, "ticks": False, "labelPadding": 10, "grid": False},
    }


def _time(field: str, unit: str, time_format: str) -> Row:
    axis: Row = {
        "format": time_format,
        "grid": False,
        "labelAngle": 0,
        "labelOverlap": "greedy",
        "labelSeparation": 8,
        "ticks": False,
        "labelPadding": 7,
    }
    if unit == "yearmonth":
        # The year stands once, below the first month shown and below each January.
        is_first = "datum.index == 0 || timeFormat(datum.value, '%m') == '01'"
        axis["labelExpr"] = (
            f"[timeFormat(datum.value, '%b'), {is_first} ? timeFormat(datum.value, '%Y') : '']"
        )
    return {
        "field": field,
        "type": "ordinal" if unit == "yearmonth" else "temporal",
        "timeUnit": unit,
        "title": None,
        "axis": axis,
    }


def _roles(series: str, roles: Sequence[tuple[str, str]]) -> Row:
    return {
        "field": series,
        "type": "nominal",
        "scale": {"domain": [name for name, _ in roles], "range": [colour(role) for _, role in roles]},
        # The legend is the page's: text that wraps, and signs beside colours.
        "legend": None,
    }


def _counts_axis() -> Row:
    return {"format": ",d", "tickMinStep": 1, "tickCount": 4, "domain": False, "ticks": False}


def _rates_axis() -> Row:
    return {"format": "~%", "tickCount": 4, "domain": False, "ticks": False}


def _even_axis(number_format: str) -> Row:
    axis: Row = {"format": number_format, "grid": True, "tickCount": 6, "domain": False, "ticks": False}
    if number_format.startswith("+"):
        # Nothing has no sign.
        axis["labelExpr"] = (
            f"format(datum.value, datum.value == 0 ? '{number_format[1:]}' : '{number_format}')"
        )
    return axis


def _tip(field: str, title: str = "", number_format: str = "") -> Row:
    found: Row = {"field": field, "title": title or field.replace("_", " ").strip()}
    return found | (
        {"type": "quantitative", "format": number_format} if number_format else {"type": "nominal"}
    )


def _when(field: str, time_format: str) -> Row:
    return {"field": field, "type": "temporal", "title": "from", "format": time_format}
