"""The facade: the verbs of the C++ library, for callers that wait."""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from orchestrator._enums import BatchPolicy, BatchStatus, ControlScope, ErrorCode, HaltMode, OrderStatus
from orchestrator._errors import OrchestratorError
from orchestrator._extend import BrokerBook, BrokerReport
from orchestrator._inputs import Amount, OrderInput, Settings
from orchestrator._native import (
    AuditEntry,
    AuditReport,
    BatchReport,
    Break,
    BrokerInfo,
    Event,
    Execution,
    FillResult,
    Halt,
    Health,
    Instrument,
    Order,
    OrderBatch,
    OrderQuery,
    PortfolioLimits,
    PortfolioUsage,
    Receipt,
    RecoveryReport,
    RoutingRule,
    Session,
    SettleResult,
    StepResult,
)
from orchestrator._orders import Orders

NO_TIME = timedelta()
POLL_S = 0.05
EVENTS_OF_A_PAGE = 1000


def seconds(duration: timedelta | None, name: str) -> float:
    """None is for ever."""
    if duration is None:
        return math.inf
    if not isinstance(duration, timedelta) or duration < NO_TIME:
        raise OrchestratorError(
            ErrorCode.INVALID_ARGUMENT, f"{name}: {duration!r} is not a timedelta of zero or more")
    return duration.total_seconds()


def count_or_none(count: int | None, name: str) -> int | None:
    """An int of zero or more."""
    if count is not None and (type(count) is not int or count < 0):
        raise OrchestratorError(
            ErrorCode.INVALID_ARGUMENT, f"{name}: {count!r} is not an int of zero or more")
    return count


def scheme_of(url: str) -> str:
    """Of a known kind of URL. Any other text is not shown: it may be a password."""
    scheme = str(url).split(":", 1)[0]
    return scheme if scheme in ("sqlite", "postgresql", "postgres", "memory") else "(another URL)"


def config_json(config: Mapping[str, Any]) -> str:
    try:
        return json.dumps(config, allow_nan=False)
    except (TypeError, ValueError, RecursionError) as error:
        raise OrchestratorError(ErrorCode.INVALID_ARGUMENT, f"config: {error}") from None


class Orchestrator:
    """An opened order book: place orders, follow them, reconcile.

    ``url``: ``"sqlite:///relative.db"``, ``"sqlite:////absolute/path.db"``,
    ``"postgresql://user:password@host:port/database"`` or ``"memory:"``. The settings are listed, with their
    defaults, in ``orchestrator.Settings``.

    Use it as a context manager, or call ``close()``. Every method may be called from any thread; the
    interpreter lock is released while a call works or waits. After ``fork()`` the child opens one of its own.

    Raises OrchestratorError: ``configuration`` or ``invalid_argument`` naming the setting, ``storage_*``,
    ``schema_*``, ``foreign_database``.
    """

    def __init__(self, url: str = "sqlite:///orchestrator.db", **settings: Unpack[Settings]) -> None:
        self._session = Session(url, settings)
        self._url = url

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Ends the work in progress and closes the book, after the calls of other threads have returned.
        Twice is no error. Raises OrchestratorError: ``invalid_state`` from inside a call of the same
        orchestrator (a broker or publisher written in Python)."""
        self._session.close()

    @property
    def closed(self) -> bool:
        """Whether calls are refused with ``closed``: after close(), and in the child of a fork."""
        return self._session.closed

    # --- placing ---

    def place(
        self,
        orders: OrderInput,
        *,
        portfolio_id: int,
        idempotency_key: str | None = None,
        user_id: int | None = None,
        policy: BatchPolicy | Literal["all", "each"] = "all",
        tenant: str = "default",
    ) -> Receipt:
        """Accepts a batch; it is durable when this returns. In inline mode the orders are sent as well, and
        the broker's answers recorded.

        ``orders``: OrderRequest objects or dicts with the same fields, or a table by columns with these names
        (a dict of columns, a pandas DataFrame, a structured NumPy array); at most 32,768 orders.
        ``portfolio_id``, ``user_id``: the caller's own numbers, above zero.
        ``idempotency_key``: 1 to 255 visible ASCII characters. The same key with the same request gets the
        stored receipt, byte for byte, with ``replayed`` set. None: a fresh key is made; two equal calls are
        two batches.
        ``policy``: ``"all"``: one bad order refuses the batch; ``"each"``: the receipt reports the bad ones.

        Raises OrchestratorError: ``validation_failed`` with every violation of every order (nothing was
        written and the key stays unused), ``idempotency_conflict`` (the key came with another request),
        ``idempotency_expired``, ``halted``, ``limit_exceeded``.
        """
        return self._session.place(orders, portfolio_id, idempotency_key, user_id, policy, tenant)

    def preview(
        self,
        orders: OrderInput,
        *,
        portfolio_id: int,
        idempotency_key: str | None = None,
        user_id: int | None = None,
        policy: BatchPolicy | Literal["all", "each"] = "all",
        tenant: str = "default",
    ) -> Receipt:
        """What place() would answer, without writing or sending: validated and routed, without ids."""
        return self._session.preview(orders, portfolio_id, idempotency_key, user_id, policy, tenant)

    # --- changing ---

    def cancel(self, id: int) -> Order:
        """Asks for a cancel. An order not sent yet is cancelled at once; one at the broker is
        ``cancel_pending`` until the broker confirms. Raises OrchestratorError: ``not_found``,
        ``invalid_state`` (it has ended), ``halted``."""
        return self._session.cancel(id)

    def cancel_batch(self, id: int) -> list[Order]:
        """Cancels every open order of the batch; what cannot be cancelled is returned as it stands. Raises
        OrchestratorError: ``not_found``, ``halted`` (what was never sent is cancelled all the same)."""
        return self._session.cancel_batch(id)

    def replace(self, id: int, *, qty: Amount | None = None, price_limit: Amount | None = None) -> Order:
        """Asks for another total quantity (executed part included), another limit price, or both; validated
        like a new order. Raises OrchestratorError: ``not_found``, ``validation_failed``, ``invalid_state``
        (it has ended, or executed as much already), ``limit_exceeded`` (margin, or too many changes),
        ``unsupported`` (the broker changes no orders), ``halted``."""
        return self._session.replace(id, qty, price_limit)

    def simulate_fill(self, id: int, *, price: Amount, qty: Amount) -> FillResult:
        """Executes part of an order at its mock broker, at a price and for a quantity above zero. Raises
        OrchestratorError: ``not_simulated`` for a real broker, ``limit_exceeded`` for more than the remaining
        quantity."""
        return self._session.simulate_fill(id, price, qty)

    def settle(self, as_of: date) -> SettleResult:
        """Settles what is due on or before the day by its broker's calendar: T+n trading days after its last
        execution."""
        return self._session.settle(as_of)

    # --- reading ---

    def get_order(self, id: int) -> Order:
        """The order as it stands now. Raises OrchestratorError: ``not_found``."""
        return self._session.get_order(id)

    def get_batch(self, id: int) -> OrderBatch:
        """The batch as it stands now. Raises OrchestratorError: ``not_found``."""
        return self._session.get_batch(id)

    def orders(
        self,
        *,
        ids: Iterable[int] | None = None,
        batch_id: int | None = None,
        portfolio_id: int | None = None,
        instrument_id: int | None = None,
        broker: str | None = None,
        status: OrderStatus | str | Iterable[OrderStatus | str] | None = None,
        client_order_id: str | None = None,
        ext_order_id: str | None = None,
        created_from: datetime | None = None,
        tenant: str | None = None,
        newest_first: bool = False,
        limit: int | None = None,
    ) -> Orders:
        """The orders for which all of the given conditions hold, to be iterated or read into a table.

        ``status``: one or several. ``created_from``: an aware datetime, inclusive. ``limit``: at most so
        many. None is no condition; an empty list of ids or statuses chooses nothing, and empty text is refused.
        """
        query = OrderQuery(ids, batch_id, portfolio_id, instrument_id, broker, status, client_order_id,
                           ext_order_id, created_from, tenant, newest_first)
        return Orders(self._session, query, count_or_none(limit, "limit"))

    def events(
        self,
        *,
        after: int = 0,
        batch_id: int | None = None,
        order_id: int | None = None,
        follow: bool = True,
        timeout: timedelta | None = None,
    ) -> Iterator[Event]:
        """The events after a log position, oldest first, without gaps. At the end it waits for more, and ends
        when none came for ``timeout``; None: it waits for ever. With ``follow=False`` it ends at the end.

        Go on later with ``after=event.log_id``. The events of one step of a batch share a log_id and come
        together. Each event's ``seq`` counts 1, 2, 3, ... for its order or batch.
        """
        patience = seconds(timeout, "timeout")
        return self._follow(batch_id, order_id, after, follow, patience)

    def _follow(
        self, batch_id: int | None, order_id: int | None, after: int, follow: bool, patience: float
    ) -> Iterator[Event]:
        page = self._session.events(batch_id, order_id, after, EVENTS_OF_A_PAGE)
        quiet_since = time.monotonic()
        while True:
            if page:
                yield from page
                after = page[-1].log_id
                quiet_since = time.monotonic()
            elif not follow or time.monotonic() - quiet_since >= patience:
                return
            else:
                time.sleep(POLL_S)
            page = self._session.events(batch_id, order_id, after, EVENTS_OF_A_PAGE)

    def executions(self, id: int) -> list[Execution]:
        """The executions of an order, in the order they were recorded."""
        return self._session.executions(id)

    def reconcile(self, batch_id: int) -> BatchReport:
        """What the batch did: quantities, values, expected and actual P&L, and each instrument's part. Raises
        OrchestratorError: ``not_found``."""
        return self._session.reconcile(batch_id)

    # --- driving ---

    def dispatch(self, batch_id: int | None = None) -> StepResult:
        """Sends what is placed, of one batch or of all, and records the answers."""
        return self._session.dispatch(batch_id)

    def step(self) -> StepResult:
        """One round of everything: broker news, dispatch, orders in doubt, publishing. For inline mode."""
        return self._session.step()

    def poll(self) -> StepResult:
        """Asks the brokers for news."""
        return self._session.poll()

    def publish(self) -> StepResult:
        """Publishes what is in the outbox."""
        return self._session.publish()

    def recover(self, patience: timedelta = NO_TIME) -> RecoveryReport:
        """Settles what an earlier process left in doubt, by broker evidence only. Twice changes nothing the
        second time. With ``patience`` it asks again while orders wait for an answer, for at most so long;
        Ctrl-C, and close() by another thread, end it between two rounds."""
        return self._session.recover(patience)

    def wait(self, batch_id: int, timeout: timedelta) -> bool:
        """Drives until every order of the batch is acked, ended, or in doubt with nothing more to ask, or the
        time is over. Returns whether it got there. Ctrl-C, and close() by another thread, end it between two
        rounds. Raises OrchestratorError: ``not_found``."""
        return self._session.wait(batch_id, timeout)

    # --- operating ---

    def resolve(
        self,
        id: int,
        decision: Literal["accepted", "not_placed", "rejected"],
        *,
        by: str,
        reason: str,
        ext_order_id: str | None = None,
    ) -> Order:
        """Carries out a person's decision about an order in ``unknown``. ``accepted``: the broker has it as
        ``ext_order_id``; ``not_placed``: it never got it, and a parked order is sent again; ``rejected``: it
        shall not be sent any more. ``by`` and ``reason`` are kept in the audit trail. Raises
        OrchestratorError: ``not_found``, ``invalid_state`` (it is not in doubt, or not asked about yet),
        ``invalid_argument``."""
        return self._session.resolve(id, decision, by, reason, ext_order_id)

    def batches(
        self,
        *,
        portfolio_id: int | None = None,
        status: BatchStatus | str | None = None,
        idempotency_key: str | None = None,
        tenant: str | None = None,
        newest_first: bool = False,
        limit: int = 1000,
    ) -> list[OrderBatch]:
        """The batches for which all of the given conditions hold, at most ``limit``."""
        return self._session.batches(portfolio_id, status, idempotency_key, tenant, newest_first, limit)

    def compare_with_broker(
        self,
        batch_id: int,
        *,
        qty: Amount = 0,
        price: Amount = 0,
        fees: Amount = 0,
    ) -> list[Break]:
        """Asks each broker of the batch for its own book and lists the differences; those up to the given
        tolerances count as equal. Raises OrchestratorError: ``broker_in_doubt``, ``broker_inactive``
        (retryable)."""
        return self._session.compare_with_broker(batch_id, qty, price, fees)

    def broker_book(self, name: str) -> BrokerBook:
        """What the broker itself says about its orders and executions. Raises OrchestratorError:
        ``unknown_broker``, ``broker_in_doubt``, ``broker_inactive`` (retryable)."""
        return self._session.broker_book(name)

    def apply(self, broker: str, report: BrokerReport) -> bool:
        """Takes in what a broker pushed (a webhook, a drop copy); safe to repeat. A report about an order that
        nobody knows yet waits in the inbox. Raises OrchestratorError: ``unknown_broker``, ``invalid_argument``
        naming what cannot be read."""
        return self._session.apply(broker, report)

    def health(self) -> Health:
        """How the book, its database, cache, publisher and brokers do now."""
        return self._session.health()

    def halt(
        self,
        scope: ControlScope | Literal["all", "portfolio", "broker"] = "all",
        target: str | None = None,
        *,
        reason: str,
        mode: HaltMode | Literal["cancel_only", "halt"] = "halt",
    ) -> bool:
        """Stops everything, a portfolio (its id as text) or a broker: nothing new is accepted or sent until
        resume(). ``mode``: ``"cancel_only"`` still lets cancels through, ``"halt"`` nothing. Raises
        OrchestratorError: ``invalid_argument`` for a portfolio or broker without ``target``,
        ``unknown_broker``."""
        return self._session.halt(scope, target, reason, mode)

    def resume(
        self,
        scope: ControlScope | Literal["all", "portfolio", "broker"] = "all",
        target: str | None = None,
    ) -> bool:
        """Takes a stop back. Returns whether there was one."""
        return self._session.resume(scope, target)

    def halts(self) -> list[Halt]:
        """The stop switches that are on."""
        return self._session.halts()

    def brokers(self) -> list[BrokerInfo]:
        """The brokers that have a settings row."""
        return self._session.brokers()

    def set_broker(self, name: str, config: Mapping[str, Any], *, active: bool = True) -> bool:
        """Stores a broker's settings and whether orders are routed to it. A running connector keeps its
        settings until the book is opened again. Raises OrchestratorError: ``unknown_broker``,
        ``configuration``."""
        return self._session.set_broker(name, config_json(config), active)

    def audit(self, *, brokers: bool = False, expected_head: str | None = None) -> AuditReport:
        """Checks everything that is stored against everything else and, when asked to, the brokers' books
        against our orders. Changes nothing. ``expected_head``: ``trail_head`` of an earlier audit, kept
        elsewhere."""
        return self._session.audit(brokers, expected_head)

    def audit_trail(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """Who changed what, oldest first, after the entry with this id."""
        return self._session.audit_trail(after, limit)

    def instruments(self, ids: Iterable[int] | None = None) -> list[Instrument]:
        """The instruments with these ids; None: all. Ids that have none are left out."""
        return self._session.instruments(ids)

    def set_instruments(self, instruments: Iterable[Instrument]) -> int:
        """Stores instruments, each in place of the one with its id. Returns how many."""
        return self._session.set_instruments(instruments)

    def import_instruments(self, csv: str) -> int:
        """Stores the instruments of a CSV text, in Kite's layout or the plain one. Returns how many."""
        return self._session.import_instruments(csv)

    def limits(self) -> list[PortfolioLimits]:
        """The limits that were set; those of portfolio 0 are the defaults."""
        return self._session.limits()

    def limits_of(self, portfolio_id: int) -> PortfolioLimits:
        """The limits that hold for a portfolio: its own, else the defaults (then ``portfolio_id`` is 0), else
        none."""
        return self._session.limits_of(portfolio_id)

    def usage_of(self, portfolio_id: int) -> PortfolioUsage:
        """What a portfolio takes of its limits now."""
        return self._session.usage_of(portfolio_id)

    def set_limits(
        self,
        portfolio_id: int,
        *,
        margin_available: Amount | None = None,
        margin_rate: Amount = 1,
        max_quantity: Amount | None = None,
        max_notional_order: Amount | None = None,
        max_notional_batch: Amount | None = None,
        max_notional_day: Amount | None = None,
    ) -> bool:
        """Sets all limits of a portfolio; 0: the defaults of portfolios without their own. Each is zero or more;
        None: no limit. ``margin_rate``: margin needed per unit of notional."""
        return self._session.set_limits(
            portfolio_id, margin_available, margin_rate, max_quantity, max_notional_order, max_notional_batch,
            max_notional_day)

    def routing_rules(self) -> list[RoutingRule]:
        """The rules in the order in which they apply to orders that name no broker."""
        return self._session.routing_rules()

    def add_routing_rule(
        self,
        targets: Mapping[str, int],
        *,
        priority: int = 100,
        instrument_id: int | None = None,
        exchange: str | None = None,
        portfolio_id: int | None = None,
    ) -> int:
        """Adds a rule and returns its id. Of the rules that match an order, the one with the lowest ``priority``
        (0 to 1,000,000), then the lowest id, decides. ``targets``: brokers and their weights, 0 to 1,000,000;
        one of weight 0 gets orders when the others are not available. A condition that is None matches all.
        Raises OrchestratorError: ``unknown_broker``."""
        return self._session.add_routing_rule(targets, priority, instrument_id, exchange, portfolio_id)

    def remove_routing_rule(self, id: int) -> bool:
        """Takes a rule away. Returns whether there was one."""
        return self._session.remove_routing_rule(id)

    def holidays(self, calendar: str) -> list[date]:
        """The days of a holiday calendar, such as ``"NSE"``."""
        return self._session.holidays(calendar)

    def add_holidays(self, calendar: str, days: Iterable[date]) -> bool:
        """Adds days to a holiday calendar, such as ``"NSE"``."""
        return self._session.add_holidays(calendar, days)

    def __repr__(self) -> str:
        return f"<orchestrator.Orchestrator {scheme_of(self._url)} {'closed' if self.closed else 'open'}>"
