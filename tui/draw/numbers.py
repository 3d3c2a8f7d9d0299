"""Numbers as the whole screen writes them: NaN is "–", infinity "∞"."""

import math

PREFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def _special(number: float) -> str | None:
    if math.isnan(number):
        return "–"
    if math.isinf(number):
        return "∞" if number > 0 else "-∞"
    return None


def exponential(number: float, decimals: int) -> str:
    """Mantissa and exponent: 0.000032 with 1 decimal place is "3.2e-5"."""
    mantissa, exponent = f"{number:.{decimals}e}".split("e")
    return f"{mantissa}e{int(exponent)}"


def count(number: int) -> str:
    """A whole number in full: 53040 is "53,040"."""
    return f"{number:,}"


def decimal(number: float, digits: int = 4) -> str:
    """A number with so many significant digits: 0.66314 is "0.6631", 12.3456 "12.35", 1234.5 "1,234".

    Very small and very large ones have an exponent: "3.20e-5".
    """
    if (special := _special(number)) is not None:
        return special
    if number == 0:
        return "0"
    exponent = int(f"{number:.{digits - 1}e}".partition("e")[2])  # after rounding: 0.99996 counts as 1
    if not -4 <= exponent < 6:
        return exponential(number, digits - 2)
    return f"{number:,.{max(0, digits - 1 - exponent)}f}"


def quantity(number: float) -> str:
    """A size or a rate in two or three digits: 2345 is "2.3 k", 46000 "46 k", 1e6 "1.0 M", 12.5 "12.5"."""
    if (special := _special(number)) is not None:
        return special
    if number and abs(number) < 1e-3:
        return exponential(number, 1)
    if abs(number) < 999.5:
        return f"{number:.3g}"
    if abs(number) >= 999.5e12:
        return exponential(number, 1)
    for unit, prefix in PREFIXES:
        scaled = number / unit
        if abs(scaled) >= 0.9995:
            return f"{scaled:.1f} {prefix}" if abs(scaled) < 9.95 else f"{scaled:.0f} {prefix}"
    raise AssertionError("every number of 1000 and more has a prefix")


def short(number: float) -> str:
    """Any number in few characters: whole ones below a million in full, larger ones as "1.23 M", others as decimals."""
    if (special := _special(number)) is not None:
        return special
    if abs(number) >= 999_999.5:
        for unit, prefix in PREFIXES[:3]:
            if 0.999995 <= abs(number) / unit < 999.995:
                return f"{number / unit:.2f} {prefix}"
    return count(int(number)) if float(number).is_integer() and abs(number) < 1e6 else decimal(number)


def duration(seconds: float) -> str:
    """A time in its fitting unit: "350 µs", "12.5 ms", "1.23 s", "2 min 5 s", "3 h 20 min"."""
    if (special := _special(seconds)) is not None:
        return special
    if seconds < 59.95:
        for unit, name in ((1.0, "s"), (1e-3, "ms")):
            if seconds >= 0.9995 * unit or seconds == 0:
                return f"{seconds / unit:.3g} {name}"
        return f"{seconds / 1e-6:.3g} µs"
    whole = round(seconds)
    if whole < 3600:
        return f"{whole // 60} min {whole % 60} s"
    return f"{whole // 3600:,} h {whole % 3600 // 60} min"


def measured(number: float, unit: str) -> str:
    """A measure in its unit: a share of 0.873 in "%" is "87.3%", 12.6 in "°" is "13°", 2345 in "/s" is "2.3 k"."""
    if math.isnan(number):
        return "–"
    match unit:
        case "%":
            return f"{100 * number:.1f}%"
        case "°":
            return f"{number:.0f}°"
        case "/s":
            return quantity(number)
        case _:
            return decimal(number)
