# %% [markdown]
# # A day's reconciliation: slippage and P&L by instrument
#
# Cells as notebooks and editors know them; as a script it prints the tables and, where matplotlib is installed, writes
# the plot beside the database:
#
#     python3 reconciliation.py [FOLDER]

# %%
import random
import sys
from decimal import Decimal
from pathlib import Path

import pandas as pd

import orchestrator as o

folder = Path(sys.argv[1] if len(sys.argv) > 1 else ".")
oms = o.Orchestrator(f"sqlite:///{folder}/reconciliation.db")

# %% [markdown]
# ## A basket, by columns
# Prices are Decimals or strings; a column of floats is refused, because it is not exact.

# %%
chance = random.Random(23)
basket = pd.DataFrame({
    "instrument_id": [1, 1, 2, 2, 3, 3, 4],
    "side": ["BUY", "SELL", "BUY", "SELL", "BUY", "SELL", "BUY"],
    "qty": [100, 100, 40, 25, 300, 300, 10],
    "price_limit": ["2500.00", "2512.50", "801.05", "803.00", "99.95", "99.40", "5000"],
})
receipt = oms.place(basket, portfolio_id=1, idempotency_key="reconciliation-example")
assert receipt.batch_id is not None

# %% [markdown]
# ## What the market did
# Each order executes in two parts, a little away from its limit.

# %%
for order in oms.orders(batch_id=receipt.batch_id):
    assert order.price_limit is not None
    while (left := oms.get_order(order.id).remaining_qty) > 0:
        part = max(Decimal(1), left // 2) if left > 10 else left
        away = Decimal(chance.randint(0, 20)) / 100
        price = order.price_limit - away if order.side is o.Side.BUY else order.price_limit + away
        oms.simulate_fill(order.id, price=price, qty=part)
oms.poll()

# %% [markdown]
# ## The report

# %%
report = oms.reconcile(receipt.batch_id)
table = report.to_pandas().set_index("symbol")
print(table[["bought_qty", "sold_qty", "vwap_buy", "vwap_sell", "matched_pnl", "slippage"]].to_string())
matched_pnl = sum(table["matched_pnl"].dropna(), Decimal(0))
print(f"matched P&L {matched_pnl}, slippage {table['slippage'].sum()}")

# %% [markdown]
# ## Slippage and P&L by instrument
# Binary fractions are good enough for the height of a bar, and for nothing before it.

# %%
plot = folder / "reconciliation.png"
try:
    import matplotlib
except ImportError:
    print("matplotlib is not installed: no plot")
else:
    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure, (left_axis, right_axis) = pyplot.subplots(1, 2, figsize=(10, 4))
    table["slippage"].astype(float).plot.bar(ax=left_axis, title="Slippage against the limit (positive is worse)")
    table["matched_pnl"].fillna(0).astype(float).plot.bar(ax=right_axis, title="Matched P&L")
    figure.tight_layout()
    figure.savefig(plot)
    print(f"wrote {plot.name}")

# %%
oms.close()
