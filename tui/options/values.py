"""How the value of an option is read from a word."""

from decimal import Decimal, InvalidOperation

_BEYOND = 2**63  # torch's whole numbers end before it


def number(text: str) -> float:
    """A number as people write it.

    Raises:
        ValueError: a sentence without a subject ("must be a number, not 'x'.").
    """
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"must be a number, not {text!r}.") from None


def whole(text: str) -> int:
    """A whole number as people write it; 1e3 is one.

    Raises:
        ValueError: a sentence without a subject.
    """
    try:
        value = Decimal(text)
        if not -_BEYOND < value < _BEYOND:
            raise ValueError(f"must be a whole number between -2^63 and 2^63, not {text!r}.")
        if value == int(value):
            return int(value)
    except InvalidOperation:  # no number at all
        pass
    raise ValueError(f"must be a whole number, not {text!r}.")


def flag(text: str) -> bool:
    """Yes or no.

    Raises:
        ValueError: a sentence without a subject.
    """
    words = {"true": True, "yes": True, "1": True, "false": False, "no": False, "0": False}
    if text.lower() not in words:
        raise ValueError(f"must be true or false, not {text!r}.")
    return words[text.lower()]


def batch_size(text: str) -> int | str:
    """Examples an update; "all" for the full batch.

    Raises:
        ValueError: a sentence without a subject.
    """
    if text == "all":
        return text
    try:
        return whole(text)
    except ValueError:
        raise ValueError(f"must be a positive whole number or 'all', not {text!r}.") from None
