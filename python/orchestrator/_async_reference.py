"""The verbs of AsyncOrchestrator for reference data: instruments, limits, routing rules, holidays."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import Any

from orchestrator._inputs import Amount
from orchestrator._native import CallQueue, Instrument, PortfolioLimits, PortfolioUsage, RoutingRule


class AsyncReference:
    """What AsyncOrchestrator is made of, beside its own verbs."""

    @property
    def _calls(self) -> CallQueue:
        raise NotImplementedError

    def _await(self, verb: Callable[..., None], *arguments: Any) -> asyncio.Future[Any]:
        raise NotImplementedError

    async def instruments(self, ids: Iterable[int] | None = None) -> list[Instrument]:
        """See Orchestrator.instruments()."""
        result: list[Instrument] = await self._await(self._calls.instruments, ids)
        return result

    async def set_instruments(self, instruments: Iterable[Instrument]) -> int:
        """See Orchestrator.set_instruments()."""
        result: int = await self._await(self._calls.set_instruments, instruments)
        return result

    async def import_instruments(self, csv: str) -> int:
        """See Orchestrator.import_instruments()."""
        result: int = await self._await(self._calls.import_instruments, csv)
        return result

    async def limits(self) -> list[PortfolioLimits]:
        """See Orchestrator.limits()."""
        result: list[PortfolioLimits] = await self._await(self._calls.limits)
        return result

    async def limits_of(self, portfolio_id: int) -> PortfolioLimits:
        """See Orchestrator.limits_of()."""
        result: PortfolioLimits = await self._await(self._calls.limits_of, portfolio_id)
        return result

    async def usage_of(self, portfolio_id: int) -> PortfolioUsage:
        """See Orchestrator.usage_of()."""
        result: PortfolioUsage = await self._await(self._calls.usage_of, portfolio_id)
        return result

    async def set_limits(
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
        """See Orchestrator.set_limits()."""
        result: bool = await self._await(
            self._calls.set_limits, portfolio_id, margin_available, margin_rate, max_quantity,
            max_notional_order, max_notional_batch, max_notional_day)
        return result

    async def routing_rules(self) -> list[RoutingRule]:
        """See Orchestrator.routing_rules()."""
        result: list[RoutingRule] = await self._await(self._calls.routing_rules)
        return result

    async def add_routing_rule(
        self,
        targets: Mapping[str, int],
        *,
        priority: int = 100,
        instrument_id: int | None = None,
        exchange: str | None = None,
        portfolio_id: int | None = None,
    ) -> int:
        """See Orchestrator.add_routing_rule()."""
        result: int = await self._await(
            self._calls.add_routing_rule, targets, priority, instrument_id, exchange, portfolio_id)
        return result

    async def remove_routing_rule(self, id: int) -> bool:
        """See Orchestrator.remove_routing_rule()."""
        result: bool = await self._await(self._calls.remove_routing_rule, id)
        return result

    async def holidays(self, calendar: str) -> list[date]:
        """See Orchestrator.holidays()."""
        result: list[date] = await self._await(self._calls.holidays, calendar)
        return result

    async def add_holidays(self, calendar: str, days: Iterable[date]) -> bool:
        """See Orchestrator.add_holidays()."""
        result: bool = await self._await(self._calls.add_holidays, calendar, days)
        return result
