"""The settings of one policy of ``lockouts``."""

from __future__ import annotations

from functools import cached_property
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, WithJsonSchema, model_validator

from gateway.policy.base.order import Orders
from gateway.policy.base.pointer import parse_pointer
from gateway.policy.base.settings import Duration, Model, Policy, between
from gateway.policy.lockout import orders


def _pointer(text: str) -> str:
    parse_pointer(text)
    return text


def _listed(value: object) -> object:
    return value if isinstance(value, list | tuple) else (value,)


# An account that is locked for more than 30 days is closed.
Span = Annotated[Duration, AfterValidator(between(1.0, 30 * 86_400.0, "1s and 30d"))]
Spans = Annotated[
    tuple[Span, ...],
    Field(min_length=1),
    BeforeValidator(_listed, json_schema_input_type=Span | Annotated[list[Span], Field(min_length=1)]),
]
Count = Annotated[int, Field(strict=True, ge=1, le=1000)]
Pointer = Annotated[
    str,
    AfterValidator(_pointer),
    WithJsonSchema({"type": "string", "pattern": r"^(/([^~/]|~[01])*)+$"}),
]
Status = Annotated[int, Field(strict=True, ge=400, le=499)]


class Rule(Model):
    """How many failures within what time lock, and for how long: ``lock_for`` is one time, or one for each lock."""

    failures: Count
    """How many failures lock."""
    within: Span
    """The time in which they count together."""
    lock_for: Spans
    """How long: one time, or a list of them for repeated locks."""

    ORDERS: ClassVar[Orders] = orders.OF_RULES


class Settings(Policy):
    """One lockout. ``account`` points to the field of the input that names the account."""

    account: Pointer
    """Points to the field of the input that names the account: ``/email``."""
    failures: Count = 10
    """How many wrong guesses lock an account."""
    within: Span = 900.0
    """The time in which they count together."""
    lock_for: Spans = (900.0,)
    """One time, or a list of them for repeated locks: ``[1m, 15m, 1h]``."""
    on_status: Annotated[tuple[Status, ...], Field(min_length=1)] = (401,)
    """The statuses with which the upstream responds to a wrong guess."""
    scope: Literal["account", "account+address"] = "account"
    """Whose failures count together: all on an account, or only those from one address. With ``everywhere`` it is
    ``account+address``, written or not."""
    everywhere: Rule | None = None
    """Locks an account that fails over many addresses; each address alone is held by ``failures``, each network (the /48 of an
    IPv6 address, the /24 of an IPv4 one) by a third of these."""
    address: Rule | None = Rule(failures=50, within=3600.0, lock_for=(3600.0,))
    """Locks an address that fails over many accounts."""

    ORDERS: ClassVar[Orders] = orders.ORDERS

    def reasons(self) -> frozenset[str]:
        """See ``Policy.reasons``."""
        return frozenset(("account_locked", "address_locked") if self.address is not None else ("account_locked",))

    @property
    def by_address(self) -> bool:
        """Whether each address has a count of its own for an account."""
        return self.scope == "account+address" or self.everywhere is not None

    @cached_property
    def of_network(self) -> Rule | None:
        """What one network may do of ``everywhere``: a third of its failures. A customer may have 65,536 addresses of IPv6 that
        count apart, and would use up all of it alone."""
        whole = self.everywhere
        return whole and whole.model_copy(update={"failures": max(self.failures, whole.failures // 3)})

    @model_validator(mode="after")
    def _sane(self) -> Settings:
        if self.everywhere is None:
            return self
        if self.scope == "account" and "scope" in self.model_fields_set:
            raise ValueError(
                "has everywhere beside scope: account, which is that already: write scope: account+address"
            )
        if self.everywhere.failures < 2 * self.failures:
            raise ValueError(
                "would let one address lock an account for everybody: everywhere.failures must be at least twice failures"
            )
        return self
