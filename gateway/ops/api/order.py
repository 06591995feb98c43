"""The JSON body of a request that changes something: an order of an operator."""

from __future__ import annotations

import ipaddress
from collections.abc import Set
from typing import Any

import orjson

from gateway.policy.base.pointer import account_name

LONGEST = 512
"""Characters of any one text in an order."""


class InvalidOrder(ValueError):
    """The order cannot be understood; the sentence says what to write instead."""


def decode(body: bytes, known: Set[str], usage: str) -> dict[str, Any]:
    """The members of a JSON object that has no others than ``known``. Raises InvalidOrder, with ``usage`` for another
    shape."""
    try:
        order = orjson.loads(body)
    except ValueError:
        raise InvalidOrder("The body is not JSON") from None
    if not isinstance(order, dict) or not order.keys() <= known:
        raise InvalidOrder(usage)
    return order


def decode_texts(body: bytes, known: Set[str], usage: str) -> dict[str, str]:
    """``decode``, where every member is a text that is not empty and not too long. Raises InvalidOrder."""
    order = decode(body, known, usage)
    for key, value in order.items():
        if not isinstance(value, str) or not value.strip() or len(value) > LONGEST:
            raise InvalidOrder(f"{key} must be a text of at most {LONGEST} characters")
    return order


def check_account(account: str) -> None:
    """Raises InvalidOrder where no lockout could count ``account``; an empty text names none."""
    try:
        if account:
            account_name(account)
    except ValueError as error:
        raise InvalidOrder(f"account: {error}") from None


def address_of(text: str) -> str:
    """The IP address that ``text`` names, empty where it is. A locked IPv6 client is listed by its network, and any address
    of that stands for it. Raises InvalidOrder."""
    try:
        return str(ipaddress.ip_interface(text.strip()).ip) if text else ""
    except ValueError:
        raise InvalidOrder("address must be an IP address") from None
