"""The words of the library as enums. Every member is also a str and equal to its word, so that ``order.side
== "BUY"`` holds and JSON, logs and data frames show the word."""

from enum import StrEnum


class Side(StrEnum):
    """Which way an order trades."""

    BUY = "BUY"
    SELL = "SELL"


class OrderType(StrEnum):
    """``limit`` and ``stop_limit`` need price_limit, ``stop`` and ``stop_limit`` need stop_price; others
    take neither."""

    MARKET = "market"
    LIMIT = "limit"
    STOP = "stop"
    STOP_LIMIT = "stop_limit"


class TimeInForce(StrEnum):
    """``day``: until the session ends; ``gtc``: until cancelled; ``ioc``: fill what you can now; ``fok``:
    all or nothing."""

    DAY = "day"
    GTC = "gtc"
    IOC = "ioc"
    FOK = "fok"


class OrderStatus(StrEnum):
    """Where an order stands."""

    PLACED = "placed"
    SUBMITTING = "submitting"
    UNKNOWN = "unknown"
    ACKED = "acked"
    PARTIALLY_FILLED = "partially_filled"
    CANCEL_PENDING = "cancel_pending"
    REPLACE_PENDING = "replace_pending"
    FILLED = "filled"
    CANCELLED = "cancelled"
    REJECTED = "rejected"
    EXPIRED = "expired"
    SETTLED = "settled"


class BatchStatus(StrEnum):
    """Follows from the batch's orders."""

    PENDING = "pending"
    PROCESSING = "processing"
    COMPLETED = "completed"
    PARTIALLY_COMPLETED = "partially_completed"
    CANCELLED = "cancelled"
    FAILED = "failed"


class BatchPolicy(StrEnum):
    """``all``: one bad order refuses the batch; ``each``: the good ones are placed, the bad ones reported."""

    ALL = "all"
    EACH = "each"


class Mode(StrEnum):
    """Who drives the work: the caller (``inline``) or threads of the library (``background``)."""

    INLINE = "inline"
    BACKGROUND = "background"


class DuplicatePolicy(StrEnum):
    """What an order equal to an earlier one is."""

    ALLOW = "allow"
    WARN = "warn"
    REFUSE = "refuse"


class ExecutionKind(StrEnum):
    """What an execution report does to the book."""

    TRADE = "trade"
    BUST = "bust"
    CORRECT = "correct"


class Severity(StrEnum):
    """An error refuses the order it is about, a warning does not."""

    ERROR = "error"
    WARNING = "warning"


class ControlScope(StrEnum):
    """What a stop switch stops."""

    ALL = "all"
    PORTFOLIO = "portfolio"
    BROKER = "broker"


class HaltMode(StrEnum):
    """What a stop switch still lets through: cancels, or nothing."""

    CANCEL_ONLY = "cancel_only"
    HALT = "halt"


class CircuitState(StrEnum):
    """Whether a broker is sent orders."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half_open"


class DependencyState(StrEnum):
    """How a database, cache or message log does."""

    OK = "ok"
    DEGRADED = "degraded"
    DOWN = "down"


class BrokerClass(StrEnum):
    """How well a broker protects against the same order twice, strongest first."""

    ENFORCED = "enforced"
    WINDOWED = "windowed"
    TAG_ECHO = "tag_echo"
    NONE = "none"


class BreakType(StrEnum):
    """What differs between our book and the broker's."""

    MISSING_HERE = "missing_here"
    MISSING_THERE = "missing_there"
    QUANTITY = "quantity"
    PRICE = "price"
    STATUS = "status"
    DUPLICATE = "duplicate"
    FEE = "fee"


class EventType(StrEnum):
    """What happened to an order or a batch."""

    ORDER_PLACED = "order.placed"
    ORDER_ACKED = "order.acked"
    ORDER_PARTIALLY_FILLED = "order.partially_filled"
    ORDER_FILLED = "order.filled"
    ORDER_SETTLED = "order.settled"
    ORDER_CANCELLED = "order.cancelled"
    ORDER_REJECTED = "order.rejected"
    ORDER_EXPIRED = "order.expired"
    ORDER_UNKNOWN = "order.unknown"
    ORDER_RELEASED = "order.released"
    ORDER_PARKED = "order.parked"
    ORDER_RESOLVED = "order.resolved"
    ORDER_CANCEL_PENDING = "order.cancel_pending"
    ORDER_CANCEL_REFUSED = "order.cancel_refused"
    ORDER_REPLACE_PENDING = "order.replace_pending"
    ORDER_REPLACED = "order.replaced"
    ORDER_REPLACE_REFUSED = "order.replace_refused"
    ORDER_LATE_FILL = "order.late_fill"
    ORDER_OVERFILLED = "order.overfilled"
    ORDER_BUSTED = "order.busted"
    ORDER_CORRECTED = "order.corrected"
    ORDER_INCIDENT = "order.incident"
    BATCH_PLACED = "batch.placed"
    BATCH_COMPLETED = "batch.completed"
    BATCH_PARTIALLY_COMPLETED = "batch.partially_completed"
    BATCH_CANCELLED = "batch.cancelled"
    BATCH_FAILED = "batch.failed"
    BATCH_REOPENED = "batch.reopened"


class ErrorCode(StrEnum):
    """Why a call failed. A word is never changed or given another meaning; new ones may be added."""

    INVALID_ARGUMENT = "invalid_argument"
    INVALID_DECIMAL = "invalid_decimal"
    NUMBER_OVERFLOW = "number_overflow"
    INVALID_JSON = "invalid_json"
    INVALID_CSV = "invalid_csv"
    LIMIT_EXCEEDED = "limit_exceeded"
    VALIDATION_FAILED = "validation_failed"
    IDEMPOTENCY_CONFLICT = "idempotency_conflict"
    IDEMPOTENCY_EXPIRED = "idempotency_expired"
    IDEMPOTENCY_IN_PROGRESS = "idempotency_in_progress"
    NOT_FOUND = "not_found"
    INVALID_STATE = "invalid_state"
    NOT_SIMULATED = "not_simulated"
    UNKNOWN_BROKER = "unknown_broker"
    BROKER_INACTIVE = "broker_inactive"
    BROKER_REFUSED = "broker_refused"
    BROKER_IN_DOUBT = "broker_in_doubt"
    HALTED = "halted"
    CONFLICT = "conflict"
    STORAGE_BUSY = "storage_busy"
    STORAGE_FULL = "storage_full"
    STORAGE_READ_ONLY = "storage_read_only"
    STORAGE_CORRUPT = "storage_corrupt"
    STORAGE_UNAVAILABLE = "storage_unavailable"
    SCHEMA_TOO_NEW = "schema_too_new"
    SCHEMA_OUTDATED = "schema_outdated"
    FOREIGN_DATABASE = "foreign_database"
    MIGRATION_FAILED = "migration_failed"
    PERMISSION_DENIED = "permission_denied"
    UNSUPPORTED = "unsupported"
    CONFIGURATION = "configuration"
    CLOSED = "closed"
    INTERNAL = "internal"
