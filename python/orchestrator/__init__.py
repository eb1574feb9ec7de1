"""Order orchestration for trading desks: an order reaches its broker at most once, nothing acknowledged is
lost, and every figure is exact.

    import orchestrator as o

    with o.Orchestrator("sqlite:///orders.db") as oms:
        receipt = oms.place(portfolio_id=1, idempotency_key="rebalance-2026-11-23", orders=[
            dict(instrument_id=1, qty=100, side="BUY", price_limit="2500.05")])
        print(oms.get_order(receipt.orders[0].id).status)

Amounts are ``decimal.Decimal`` (an int or a str is taken too, a float is refused), times aware datetimes in
UTC, words enums. Whatever fails raises ``OrchestratorError``.
"""

from orchestrator._async import AsyncOrchestrator
from orchestrator._enums import (
    BatchPolicy,
    BatchStatus,
    BreakType,
    BrokerClass,
    CircuitState,
    ControlScope,
    DependencyState,
    DuplicatePolicy,
    ErrorCode,
    EventType,
    ExecutionKind,
    HaltMode,
    Mode,
    OrderStatus,
    OrderType,
    Severity,
    Side,
    TimeInForce,
)
from orchestrator._errors import OrchestratorError
from orchestrator._inputs import Amount, OrderDict, Settings
from orchestrator._native import (
    AuditEntry,
    AuditFinding,
    AuditReport,
    BatchReport,
    Break,
    BrokerHealth,
    BrokerInfo,
    Dependency,
    Event,
    Execution,
    FillResult,
    Halt,
    Health,
    InstrumentReport,
    Order,
    OrderBatch,
    OrderRequest,
    OutboxStatus,
    Receipt,
    ReceiptOrder,
    RecoveryReport,
    SettleResult,
    StepResult,
    Violation,
    __version__,
)
from orchestrator._orchestrator import Orchestrator
from orchestrator._orders import AsyncOrders, Orders

__all__ = [
    "Amount",
    "AsyncOrchestrator",
    "AsyncOrders",
    "AuditEntry",
    "AuditFinding",
    "AuditReport",
    "BatchPolicy",
    "BatchReport",
    "BatchStatus",
    "Break",
    "BreakType",
    "BrokerClass",
    "BrokerHealth",
    "BrokerInfo",
    "CircuitState",
    "ControlScope",
    "Dependency",
    "DependencyState",
    "DuplicatePolicy",
    "ErrorCode",
    "Event",
    "EventType",
    "Execution",
    "ExecutionKind",
    "FillResult",
    "Halt",
    "HaltMode",
    "Health",
    "InstrumentReport",
    "Mode",
    "Orchestrator",
    "OrchestratorError",
    "Order",
    "OrderBatch",
    "OrderDict",
    "OrderRequest",
    "OrderStatus",
    "OrderType",
    "Orders",
    "OutboxStatus",
    "Receipt",
    "ReceiptOrder",
    "RecoveryReport",
    "Settings",
    "SettleResult",
    "Severity",
    "Side",
    "StepResult",
    "TimeInForce",
    "Violation",
    "__version__",
]
