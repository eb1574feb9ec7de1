"""A desk's day against the mock broker with asyncio: batches of many desks in flight, events as they come, a key given
again, a refusal, fills, reports and settlement.

    python3 end_to_end.py [FOLDER]
"""

import asyncio
import sys
from collections import Counter
from datetime import date, timedelta
from pathlib import Path

import orchestrator as o

DESKS = 8
BATCHES = 5


async def trade(oms: o.AsyncOrchestrator, desk: int) -> list[o.Receipt]:
    """Places this desk's batches, one after the other."""
    receipts = []
    for number in range(BATCHES):
        receipts.append(
            await oms.place(
                [
                    {"instrument_id": desk + 1, "qty": 10 + number, "side": "BUY", "price_limit": "100.25"},
                    {"instrument_id": desk + 1, "qty": 10 + number, "side": "SELL", "price_limit": "101.75"},
                ],
                portfolio_id=desk + 1,
                idempotency_key=f"desk-{desk}-{number}",
            )
        )
    return receipts


async def count_fills(oms: o.AsyncOrchestrator, wanted: int) -> Counter[o.EventType]:
    """Follows the event log until so many orders are filled."""
    seen: Counter[o.EventType] = Counter()
    async for event in oms.events(timeout=timedelta(seconds=60)):
        seen[event.type] += 1
        if seen[o.EventType.ORDER_FILLED] == wanted:
            break
    return seen


async def main(folder: Path) -> None:
    async with o.AsyncOrchestrator(f"sqlite:///{folder}/day.db", duplicates="allow") as oms:
        follower = asyncio.create_task(count_fills(oms, 2 * DESKS * BATCHES))
        placed = await asyncio.gather(*(trade(oms, desk) for desk in range(DESKS)))
        receipts = [receipt for desk in placed for receipt in desk]
        print(f"{len(receipts)} batches placed")

        again = await oms.place(
            [
                {"instrument_id": 1, "qty": 10, "side": "BUY", "price_limit": "100.25"},
                {"instrument_id": 1, "qty": 10, "side": "SELL", "price_limit": "101.75"},
            ],
            portfolio_id=1,
            idempotency_key="desk-0-0",
        )
        assert again.replayed and again.to_json() == receipts[0].to_json()

        try:
            await oms.place(
                [{"instrument_id": 1, "qty": "0.5", "side": "BUY", "price_limit": "100.25"}], portfolio_id=1
            )
        except o.OrchestratorError as error:
            print("refused:", error.violations[0].message)

        async for order in oms.orders(status=o.OrderStatus.ACKED):
            assert order.price_limit is not None
            await oms.simulate_fill(order.id, price=order.price_limit, qty=order.qty)
        seen = await follower
        print(f"{seen[o.EventType.ORDER_FILLED]} orders filled")

        reports = await asyncio.gather(*(oms.reconcile(receipt.batch_id or 0) for receipt in receipts))
        assert all(report.status is o.BatchStatus.COMPLETED for report in reports)
        print("actual P&L", sum(report.actual_pnl or 0 for report in reports))
        settled = await oms.settle(date(2999, 12, 31))
        print(f"{len(settled.settled)} orders settled")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1] if len(sys.argv) > 1 else ".")))
