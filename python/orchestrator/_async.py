"""The facade for asyncio: the same verbs, to be awaited."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from datetime import date, datetime, timedelta
from types import TracebackType
from typing import Any, Literal, Self, Unpack

from orchestrator._async_reference import AsyncReference
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
    CallQueue,
    Event,
    Execution,
    FillResult,
    Halt,
    Health,
    Order,
    OrderBatch,
    OrderQuery,
    Receipt,
    RecoveryReport,
    Session,
    SettleResult,
    StepResult,
)
from orchestrator._orchestrator import (
    EVENTS_OF_A_PAGE,
    NO_TIME,
    POLL_S,
    config_json,
    count_or_none,
    scheme_of,
    seconds,
)
from orchestrator._orders import AsyncOrders


class AsyncOrchestrator(AsyncReference):
    """An opened order book whose calls are awaited; see Orchestrator for what each does and raises.

        async with AsyncOrchestrator("sqlite:///orders.db") as oms:
            receipt = await oms.place([...], portfolio_id=1, idempotency_key="k")

    Up to ``calls_max`` calls are made at the same time, by threads that never hold the interpreter lock, and
    calls that wait together share commits. The event loop is woken once for all that is done.

    An order is placed whether or not somebody still awaits it: cancelling the await of place() takes nothing
    back. The same key and request give its receipt.
    """

    def __init__(
        self, url: str = "sqlite:///orchestrator.db", *, calls_max: int = 32, **settings: Unpack[Settings]
    ) -> None:
        self._url = url
        self._calls_max = calls_max
        self._settings = settings
        self._session: Session | None = None
        self._queue: CallQueue | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._closing: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Self:
        if self._session is not None:
            raise OrchestratorError(
                ErrorCode.INVALID_STATE, "this orchestrator was opened already; make another one")
        self._loop = asyncio.get_running_loop()
        session = await self._loop.run_in_executor(None, Session, self._url, self._settings)
        try:
            queue = CallQueue(session, self._calls_max)
            self._loop.add_reader(queue.fileno(), queue.drain)
        except BaseException:
            await self._loop.run_in_executor(None, session.close)
            raise
        self._session, self._queue = session, queue
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Waits for the calls under way and closes the book; calls that have not begun end with
        ``closed``."""
        if self._closing is None:
            queue, session = self._queue, self._session
            if queue is None or session is None or session.closed:
                return  # never opened, or opened before a fork: then even the loop's reader is the parent's
            self._require_own_loop()
            self._closing = self._begin_to_close(queue, session, asyncio.get_running_loop())
        if self._closing.done():
            return
        self._require_own_loop()
        await asyncio.shield(self._closing)

    def _begin_to_close(
        self, queue: CallQueue, session: Session, loop: asyncio.AbstractEventLoop
    ) -> asyncio.Future[None]:
        """Not a task, which the end of its event loop would cancel."""
        self._queue = None

        def close() -> None:
            queue.close()
            session.close()

        def hand_over(_: asyncio.Future[None]) -> None:
            loop.remove_reader(queue.fileno())
            queue.drain()

        closing = loop.run_in_executor(None, close)
        closing.add_done_callback(hand_over)
        return closing

    @property
    def closed(self) -> bool:
        """Whether calls are refused with ``closed``."""
        return self._queue is None or self._session is None or self._session.closed

    def _await(self, verb: Callable[..., None], *arguments: Any) -> asyncio.Future[Any]:
        self._require_own_loop()
        assert self._loop is not None
        future: asyncio.Future[Any] = self._loop.create_future()
        verb(future, *arguments)
        return future

    def _require_own_loop(self) -> None:
        if asyncio.get_running_loop() is not self._loop:
            raise OrchestratorError(
                ErrorCode.INVALID_STATE,
                "this orchestrator was opened in another event loop; open one in each loop")

    @property
    def _calls(self) -> CallQueue:
        if self._queue is None or self.closed:
            what = ("was closed, or opened before a fork" if self._session
                    else "is not open yet; use it in `async with`")
            raise OrchestratorError(ErrorCode.CLOSED, f"this orchestrator {what}")
        return self._queue

    # --- placing ---

    async def place(
        self,
        orders: OrderInput,
        *,
        portfolio_id: int,
        idempotency_key: str | None = None,
        user_id: int | None = None,
        policy: BatchPolicy | Literal["all", "each"] = "all",
        tenant: str = "default",
    ) -> Receipt:
        """See Orchestrator.place()."""
        receipt: Receipt = await self._await(
            self._calls.place, orders, portfolio_id, idempotency_key, user_id, policy, tenant)
        return receipt

    async def preview(
        self,
        orders: OrderInput,
        *,
        portfolio_id: int,
        idempotency_key: str | None = None,
        user_id: int | None = None,
        policy: BatchPolicy | Literal["all", "each"] = "all",
        tenant: str = "default",
    ) -> Receipt:
        """See Orchestrator.preview()."""
        receipt: Receipt = await self._await(
            self._calls.preview, orders, portfolio_id, idempotency_key, user_id, policy, tenant)
        return receipt

    # --- changing ---

    async def cancel(self, id: int) -> Order:
        """See Orchestrator.cancel()."""
        order: Order = await self._await(self._calls.cancel, id)
        return order

    async def cancel_batch(self, id: int) -> list[Order]:
        """See Orchestrator.cancel_batch()."""
        orders: list[Order] = await self._await(self._calls.cancel_batch, id)
        return orders

    async def replace(
        self, id: int, *, qty: Amount | None = None, price_limit: Amount | None = None
    ) -> Order:
        """See Orchestrator.replace()."""
        order: Order = await self._await(self._calls.replace, id, qty, price_limit)
        return order

    async def simulate_fill(self, id: int, *, price: Amount, qty: Amount) -> FillResult:
        """See Orchestrator.simulate_fill()."""
        fill: FillResult = await self._await(self._calls.simulate_fill, id, price, qty)
        return fill

    async def settle(self, as_of: date) -> SettleResult:
        """See Orchestrator.settle()."""
        settled: SettleResult = await self._await(self._calls.settle, as_of)
        return settled

    # --- reading ---

    async def get_order(self, id: int) -> Order:
        """See Orchestrator.get_order()."""
        order: Order = await self._await(self._calls.get_order, id)
        return order

    async def get_batch(self, id: int) -> OrderBatch:
        """See Orchestrator.get_batch()."""
        batch: OrderBatch = await self._await(self._calls.get_batch, id)
        return batch

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
    ) -> AsyncOrders:
        """See Orchestrator.orders(); for ``async for``."""
        calls = self._calls
        query = OrderQuery(ids, batch_id, portfolio_id, instrument_id, broker, status, client_order_id,
                           ext_order_id, created_from, tenant, newest_first)

        async def read(query: OrderQuery, after: int, size: int) -> list[Order]:
            page: list[Order] = await self._await(calls.orders, query, after, size)
            return page

        assert self._session is not None
        return AsyncOrders(self._session, read, query, count_or_none(limit, "limit"))

    def events(
        self,
        *,
        after: int = 0,
        batch_id: int | None = None,
        order_id: int | None = None,
        follow: bool = True,
        timeout: timedelta | None = None,
    ) -> AsyncIterator[Event]:
        """See Orchestrator.events(); for ``async for``."""
        patience = seconds(timeout, "timeout")
        return self._follow(batch_id, order_id, after, follow, patience)

    async def _follow(
        self, batch_id: int | None, order_id: int | None, after: int, follow: bool, patience: float
    ) -> AsyncIterator[Event]:
        quiet_since = time.monotonic()
        while True:
            page: list[Event] = await self._await(
                self._calls.events, batch_id, order_id, after, EVENTS_OF_A_PAGE)
            for event in page:
                yield event
            if page:
                after = page[-1].log_id
                quiet_since = time.monotonic()
            elif not follow or time.monotonic() - quiet_since >= patience:
                return
            else:
                await asyncio.sleep(POLL_S)

    async def executions(self, id: int) -> list[Execution]:
        """See Orchestrator.executions()."""
        executions: list[Execution] = await self._await(self._calls.executions, id)
        return executions

    async def reconcile(self, batch_id: int) -> BatchReport:
        """See Orchestrator.reconcile()."""
        report: BatchReport = await self._await(self._calls.reconcile, batch_id)
        return report

    # --- driving ---

    async def dispatch(self, batch_id: int | None = None) -> StepResult:
        """See Orchestrator.dispatch()."""
        result: StepResult = await self._await(self._calls.dispatch, batch_id)
        return result

    async def step(self) -> StepResult:
        """See Orchestrator.step()."""
        result: StepResult = await self._await(self._calls.step)
        return result

    async def poll(self) -> StepResult:
        """See Orchestrator.poll()."""
        result: StepResult = await self._await(self._calls.poll)
        return result

    async def publish(self) -> StepResult:
        """See Orchestrator.publish()."""
        result: StepResult = await self._await(self._calls.publish)
        return result

    async def recover(self, patience: timedelta = NO_TIME) -> RecoveryReport:
        """See Orchestrator.recover()."""
        report: RecoveryReport = await self._await(self._calls.recover, patience)
        return report

    async def wait(self, batch_id: int, timeout: timedelta) -> bool:
        """See Orchestrator.wait()."""
        there: bool = await self._await(self._calls.wait, batch_id, timeout)
        return there

    # --- operating ---

    async def resolve(
        self,
        id: int,
        decision: Literal["accepted", "not_placed", "rejected"],
        *,
        by: str,
        reason: str,
        ext_order_id: str | None = None,
    ) -> Order:
        """See Orchestrator.resolve()."""
        result: Order = await self._await(self._calls.resolve, id, decision, by, reason, ext_order_id)
        return result

    async def batches(
        self,
        *,
        portfolio_id: int | None = None,
        status: BatchStatus | str | None = None,
        idempotency_key: str | None = None,
        tenant: str | None = None,
        newest_first: bool = False,
        limit: int = 1000,
    ) -> list[OrderBatch]:
        """See Orchestrator.batches()."""
        result: list[OrderBatch] = await self._await(
            self._calls.batches, portfolio_id, status, idempotency_key, tenant, newest_first, limit)
        return result

    async def compare_with_broker(
        self,
        batch_id: int,
        *,
        qty: Amount = 0,
        price: Amount = 0,
        fees: Amount = 0,
    ) -> list[Break]:
        """See Orchestrator.compare_with_broker()."""
        result: list[Break] = await self._await(self._calls.compare_with_broker, batch_id, qty, price, fees)
        return result

    async def broker_book(self, name: str) -> BrokerBook:
        """See Orchestrator.broker_book()."""
        result: BrokerBook = await self._await(self._calls.broker_book, name)
        return result

    async def apply(self, broker: str, report: BrokerReport) -> bool:
        """See Orchestrator.apply()."""
        result: bool = await self._await(self._calls.apply, broker, report)
        return result

    async def health(self) -> Health:
        """See Orchestrator.health()."""
        result: Health = await self._await(self._calls.health)
        return result

    async def halt(
        self,
        scope: ControlScope | Literal["all", "portfolio", "broker"] = "all",
        target: str | None = None,
        *,
        reason: str,
        mode: HaltMode | Literal["cancel_only", "halt"] = "halt",
    ) -> bool:
        """See Orchestrator.halt()."""
        result: bool = await self._await(self._calls.halt, scope, target, reason, mode)
        return result

    async def resume(
        self,
        scope: ControlScope | Literal["all", "portfolio", "broker"] = "all",
        target: str | None = None,
    ) -> bool:
        """See Orchestrator.resume()."""
        result: bool = await self._await(self._calls.resume, scope, target)
        return result

    async def halts(self) -> list[Halt]:
        """See Orchestrator.halts()."""
        result: list[Halt] = await self._await(self._calls.halts)
        return result

    async def brokers(self) -> list[BrokerInfo]:
        """See Orchestrator.brokers()."""
        result: list[BrokerInfo] = await self._await(self._calls.brokers)
        return result

    async def set_broker(self, name: str, config: Mapping[str, Any], *, active: bool = True) -> bool:
        """See Orchestrator.set_broker()."""
        result: bool = await self._await(self._calls.set_broker, name, config_json(config), active)
        return result

    async def audit(self, *, brokers: bool = False, expected_head: str | None = None) -> AuditReport:
        """See Orchestrator.audit()."""
        result: AuditReport = await self._await(self._calls.audit, brokers, expected_head)
        return result

    async def audit_trail(self, *, after: int = 0, limit: int = 1000) -> list[AuditEntry]:
        """See Orchestrator.audit_trail()."""
        result: list[AuditEntry] = await self._await(self._calls.audit_trail, after, limit)
        return result

    def __repr__(self) -> str:
        return f"<orchestrator.AsyncOrchestrator {scheme_of(self._url)} {'closed' if self.closed else 'open'}>"
