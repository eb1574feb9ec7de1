"""Parts of an orchestrator that are written in Python: brokers, validation rules, a router, a publisher.

    oms = o.Orchestrator("sqlite:///orders.db", brokers={"mine": MyBroker()}, rules=[MaxNotional()],
                         router=MyRouter(), publisher=MyPublisher())

Their methods are called from any thread, several at once (a publisher: one call at a time), with the
interpreter lock. They may call the same orchestrator, but not close it. Each says what an exception in it
means; all are noted, with their traceback, in the log ``orchestrator``. A KeyboardInterrupt or SystemExit
counts like any other exception, and is raised again by the call that led to it when that has recorded what
happened.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from enum import StrEnum
from typing import TYPE_CHECKING, Literal, Protocol

from orchestrator._enums import BrokerClass, ExecutionKind, OrderStatus, Side

if TYPE_CHECKING:
    from decimal import Decimal

    from orchestrator._inputs import Amount
    from orchestrator._native import BatchRequest, BrokerState, Event, Order, OrderRequest, Violation

_log = logging.getLogger("orchestrator")
_log.addHandler(logging.NullHandler())


def note_failure(where: str, error: BaseException) -> None:
    _log.error("%s failed", where, exc_info=error)


class NotSent(Exception):
    """Nothing reached the broker's book: no connection, not logged in, throttled. The same order may be sent
    again."""


class Rejected(Exception):
    """The broker read the request and refused it, and not because it knows the id already."""


class ReportKind(StrEnum):
    """What a broker's report tells."""

    ACK = "ack"
    REJECT = "reject"
    EXECUTION = "execution"
    CANCELLED = "cancelled"
    CANCEL_REFUSED = "cancel_refused"
    EXPIRED = "expired"
    REPLACED = "replaced"
    REPLACE_REFUSED = "replace_refused"


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerOrder:
    """What the broker says about one of its orders. Times are aware datetimes."""

    ext_order_id: str  # of the acknowledgement, also after a change
    client_order_id: str = ""  # empty: not one of ours, or the broker does not tell
    side: Side | Literal["BUY", "SELL"]
    qty: Amount
    status: OrderStatus | str  # acked, partially_filled, filled, cancelled, rejected or expired
    updated_at: datetime
    symbol: str = ""
    instrument_id: int = 0  # 0: the broker knows only the symbol
    price_limit: Amount | None = None
    fill_qty: Amount = 0
    fill_notional: Amount = 0
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerExecution:
    """One execution in the broker's words; ``execution_id`` is unique for the broker and account."""

    execution_id: str
    qty: Amount
    price: Amount
    executed_at: datetime
    fees: Amount = 0
    kind: ExecutionKind | Literal["trade", "bust", "correct"] = ExecutionKind.TRADE
    ref_execution_id: str = ""  # what a bust or correction is about
    ext_order_id: str = ""  # in a book: the order's


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerReport:
    """News of one order, named by at least one of the two ids. Reports may repeat and come in any order."""

    kind: ReportKind | str
    at: datetime
    ext_order_id: str = ""
    client_order_id: str = ""
    execution: BrokerExecution | None = None  # of an execution report
    qty: Amount | None = None  # of a replaced report: the terms now in force
    price_limit: Amount | None = None
    reason: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class ReportPage:
    """News after a cursor. ``cursor`` is given to the next poll(); ``more``: poll again at once."""

    reports: Sequence[BrokerReport] = ()
    cursor: str
    more: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class BrokerBook:
    """The broker's own view. Orders sent before ``since`` are not in it; None: it holds all that there ever
    were."""

    orders: Sequence[BrokerOrder] = ()
    executions: Sequence[BrokerExecution] = ()
    since: datetime | None = None


_END_OF_TIME = datetime(9999, 12, 31, tzinfo=timezone.utc)


class BrokerConnector:
    """One broker account. Derive from it, write place(), and whatever else the broker can do.

    Each call makes one attempt and no more. The rule that everything rests on: **an order that may have
    reached the broker is never reported as failed.** So place(), cancel() and replace() end in one of four
    ways:

    - they return: the broker has it;
    - they raise ``Rejected``: the broker read and refused it, definitely;
    - they raise ``NotSent``: nothing reached the broker, and the same order may be sent again;
    - they raise anything else, or return something else: in doubt. An order that was placed so becomes
      ``unknown`` until the broker's own evidence (look_up(), book(), poll()) or a person decides.

    A cancel or a change stays pending, and is asked for again, until it is ``Rejected`` or the broker's
    evidence tells how the order stands.

    A timeout, a connection lost after the first byte, a 5xx and an answer that does not parse are in doubt:
    let those exceptions pass.
    """

    #: Key of its executions, with the name.
    account: str = ""
    #: How it protects against the same order twice; anything but ``none`` needs look_up().
    broker_class: BrokerClass | Literal["enforced", "windowed", "tag_echo", "none"] = BrokerClass.NONE
    #: Most orders of one place_many() call.
    orders_max: int = 1
    #: At most so many requests in any window of ``requests_per``; 0: no limit.
    requests_max: int = 0
    requests_per: timedelta = timedelta(seconds=1)
    reserved_for_cancels: int = 0
    #: Whether replace() works.
    replaces: bool = False
    #: Every report names the id that the order was placed under.
    reports_name_our_id: bool = False
    #: Its order ids begin again every day.
    ids_restart_daily: bool = False
    #: Its account admits one session at a time: of all processes on one PostgreSQL one calls these methods.
    one_sender: bool = False
    #: So long after an attempt in doubt, "not found" is evidence.
    quiet_period: timedelta = timedelta(seconds=30)
    #: Windowed class: how long a client order id is refused again.
    duplicate_window: timedelta = timedelta()
    #: T+n trading days.
    settlement_days: int = 1
    #: The exchange's day, for trade dates.
    utc_offset_minutes: int = 0
    #: Name of its holiday calendar.
    calendar: str = ""

    def place(self, order: Order) -> str:
        """Sends one order under ``order.client_order_id`` and returns the broker's id of it."""
        raise NotImplementedError(f"{type(self).__name__} has no place()")

    def place_many(self, orders: Sequence[Order]) -> Sequence[str | Exception]:
        """Sends up to ``orders_max`` orders; for each, in order, the broker's id or the exception that
        place() would raise. Raising leaves several orders in doubt, whatever is raised: some of them may have
        been sent before. As it is, it calls place() for each."""
        answers: list[str | Exception] = []
        for order in orders:
            try:
                answers.append(self.place(order))
            except Exception as error:
                answers.append(error)
        return answers

    def cancel(self, order: Order) -> None:
        """Asks for a cancel, perhaps not for the first time; the outcome comes as a report."""
        raise Rejected("this broker takes no cancels")

    def replace(
        self, order: Order, client_order_id: str, qty: Decimal | None, price_limit: Decimal | None
    ) -> None:
        """Asks for another total quantity and / or limit price, under a fresh id; the outcome comes as a
        report."""
        raise Rejected("this broker takes no changes")

    def look_up(self, client_order_id: str) -> BrokerOrder | None:
        """The broker's order of that id; None: the broker answered, and does not have it. Raising: nothing
        was learnt. Never by look-alike."""
        raise NotImplementedError(f"{type(self).__name__} has no look_up()")

    def poll(self, cursor: str) -> ReportPage:
        """News after ``cursor``; "": from the beginning. Raising: nothing was learnt."""
        return ReportPage(cursor=cursor)

    def book(self) -> BrokerBook:
        """The orders of its day, with every execution of them. Raising: nothing was learnt. As it is, the
        book says nothing about any order."""
        return BrokerBook(since=_END_OF_TIME)


class ValidatorRule(Protocol):
    """A rule beside the library's own, for new orders and for changed ones."""

    def check(self, request: BatchRequest, /) -> Iterable[Violation] | None:
        """Every violation that it finds, each naming its order by ``order_index`` (None: the whole batch);
        one of severity ``warning`` refuses nothing. It may be asked more than once about a request, also for
        a preview.

        Not asked about a batch that is empty or too large. Raising refuses the whole request, with the
        violation ``rule.failed``; nothing is written and the key stays unused."""
        ...


class Router(Protocol):
    """Chooses the broker of orders that name none themselves."""

    def route(self, order: OrderRequest, portfolio_id: int, brokers: Sequence[BrokerState], /) -> str | None:
        """The name of an available broker; None: the library's own rules choose. It may be asked more than
        once about an order. Raising, or the name of another one, refuses the order with the violation
        ``broker.unavailable``."""
        ...


class EventPublisher(Protocol):
    """Where events go; fed from the outbox, one call at a time."""

    def publish(self, events: Sequence[Event], /) -> int | None:
        """Delivers events, oldest first, and returns how many of them, from the front, are delivered for
        good; None: all. The others are handed over again, as are all when it raises: delivery is at least
        once. An event is known by its subject and seq."""
        ...
