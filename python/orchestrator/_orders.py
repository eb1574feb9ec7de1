"""Orders that match a query: iterated page by page, or read into a table at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import TYPE_CHECKING

from orchestrator._native import Order, OrderQuery, Session
from orchestrator._tables import frame_of_columns, html_of_rows

if TYPE_CHECKING:
    import pandas

_PAGE = 1000
_ROWS_SHOWN = 20


class Orders:
    """The orders of a query, oldest first unless it says otherwise. Each iteration asks anew, a thousand at a
    time, so that a book of any size is walked in little memory. ``to_pandas()`` and ``list()`` read all of
    it."""

    def __init__(self, session: Session, query: OrderQuery, limit: int | None) -> None:
        self._session = session
        self._query = query
        self._limit = limit

    def __iter__(self) -> Iterator[Order]:
        after, left = 0, self._limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = self._session.orders(self._query, after, size)
            yield from page
            if len(page) < size:
                return
            after = page[-1].id
            left = None if left is None else left - size

    def to_pandas(self) -> pandas.DataFrame:
        """One row for each order, indexed by id: amounts as Decimals, words as categories, times as
        ``datetime64[ns, UTC]``. Needs pandas."""
        return frame_of_columns(self._session.order_columns(self._query, self._limit), index="id")

    def _repr_html_(self) -> str:
        rows = [order.to_dict() for order, _ in zip(self, range(_ROWS_SHOWN + 1))]
        return html_of_rows("Orders", rows[:_ROWS_SHOWN], more=len(rows) > _ROWS_SHOWN)


class AsyncOrders:
    """The same to be awaited: ``async for order in oms.orders(...)``."""

    def __init__(
        self,
        session: Session,
        read: Callable[[OrderQuery, int, int], Awaitable[list[Order]]],
        query: OrderQuery,
        limit: int | None,
    ) -> None:
        self._session = session
        self._read = read
        self._query = query
        self._limit = limit

    async def __aiter__(self) -> AsyncIterator[Order]:
        after, left = 0, self._limit
        while left is None or left > 0:
            size = _PAGE if left is None else min(_PAGE, left)
            page = await self._read(self._query, after, size)
            for order in page:
                yield order
            if len(page) < size:
                return
            after = page[-1].id
            left = None if left is None else left - size

    async def to_pandas(self) -> pandas.DataFrame:
        """See Orders.to_pandas()."""
        return await asyncio.to_thread(Orders(self._session, self._query, self._limit).to_pandas)
