"""Place a batch once, fill it at the mock broker, and reconcile it: the main job in Python.

    python3 quickstart.py [DATABASE_URL]
"""

import sys
from decimal import Decimal

import orchestrator as o


def main(url: str) -> o.BatchReport:
    with o.Orchestrator(url) as oms:
        oms.recover()  # what an earlier run left in doubt
        # Durable when it returns. Run it again: the same key and request give the same receipt, and no second order.
        receipt = oms.place(
            [
                o.OrderRequest(instrument_id=1, qty=100, side=o.Side.BUY, price_limit=Decimal("2500")),
                {"instrument_id": 2, "qty": 50, "side": "SELL", "price_limit": "2600.0"},
            ],
            portfolio_id=1,
            idempotency_key="rebalance-2026-11-23",
        )
        print(f"batch {receipt.batch_id}" + (" (replayed)" if receipt.replayed else ""))
        for leg in receipt.orders:
            assert leg.id is not None
            order = oms.get_order(leg.id)
            if order.remaining_qty and order.price_limit is not None:
                oms.simulate_fill(order.id, price=order.price_limit, qty=order.remaining_qty)
        for order in oms.orders(batch_id=receipt.batch_id):
            print(f"  {order.client_order_id} {order.side} {order.fill_qty} @ {order.fill_price}: {order.status}")
        assert receipt.batch_id is not None
        report = oms.reconcile(receipt.batch_id)
    print(f"expected P&L {report.expected_pnl}, actual P&L {report.actual_pnl}")
    return report


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "sqlite:///orders.db")
