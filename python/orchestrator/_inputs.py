"""The types of what callers pass."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any, Literal, NotRequired, Protocol, Required, TypedDict

from orchestrator._enums import DuplicatePolicy, Mode, OrderType, Side, TimeInForce
from orchestrator._extend import BrokerConnector, EventPublisher, Router, ValidatorRule
from orchestrator._native import OrderRequest

#: An exact amount: a Decimal, an int, or text such as "2500.05". Never a float.
Amount = Decimal | int | str


class OrderDict(TypedDict):
    """An order as a dict; OrderRequest has the same fields."""

    instrument_id: Required[int]
    qty: Required[Amount]
    side: Required[Side | Literal["BUY", "SELL"]]
    price_limit: NotRequired[Amount | None]
    stop_price: NotRequired[Amount | None]
    order_type: NotRequired[OrderType | Literal["market", "limit", "stop", "stop_limit"] | None]
    time_in_force: NotRequired[TimeInForce | Literal["day", "gtc", "ioc", "fok"] | None]
    broker: NotRequired[str | None]
    slice: NotRequired[bool]


class Table(Protocol):
    """What a pandas DataFrame has."""

    @property
    def columns(self) -> Any: ...
    def to_numpy(self) -> Any: ...


#: Orders one by one, or by columns named as the fields of OrderRequest: a dict of columns, a pandas
#: DataFrame, a structured NumPy array.
OrderInput = Iterable[OrderRequest | OrderDict] | Mapping[str, Any] | Table


class Settings(TypedDict, total=False):
    """What ``Orchestrator(url, **settings)`` takes beside the URL; all of it may be left out."""

    migrate: bool  # bring an older schema up to date [True]
    create: bool  # make a missing SQLite file [True]
    redis_url: str  # redis://host:port/database: idempotency keys shared between processes [none]
    mock_ledger: str  # file of what the mock brokers remember, or "memory:" [<database>.brokers]
    events_file: str  # append events to this JSON-lines file [they stay in the outbox]
    kafka_bootstrap_servers: str  # publish events to Kafka through these brokers: "host:port,..." [none]
    kafka_topic: str  # ["orders.events"]
    kafka_properties: Mapping[str, str]  # further properties of librdkafka
    busy_timeout: timedelta  # longest wait for another process that writes [5 s]
    mode: Mode | Literal["inline", "background"]  # who drives the work ["inline"]
    deployment: str  # two characters that begin every client order id ["oo"]
    lease: timedelta  # how long a sender may take from its claim to the broker's answer [30 s]
    idempotency_ttl: timedelta  # how long a key's response can be replayed [24 h]
    poll_interval: timedelta  # background mode: between two questions to a broker [200 ms]
    resync_interval: timedelta  # how often brokers are asked for their whole book [60 s]
    settlement_days: int  # T+n trading days for brokers that do not say, 0 to 30 [1]
    event_source: str  # CloudEvents source ["/orchestrator"]
    operator_name: str  # who the audit trail names ["orchestrator"]
    strict: bool  # refuse orders for instruments without a row [False]
    orders_max: int  # most orders of one batch, at most 32,768 [10,000]
    price_collar: Amount  # largest distance of a limit price from the last price, "0.2" = 20 % [none]
    max_quantity: Amount  # largest quantity of an order [none]
    duplicates: DuplicatePolicy | Literal["allow", "warn", "refuse"]  # equal orders in the window ["warn"]
    duplicate_window: timedelta  # how far back equal orders are looked for; zero: in the batch only [0]
    brokers: Mapping[str, BrokerConnector]  # connectors written in Python, by name [the mocks alone]
    rules: Sequence[ValidatorRule]  # validation rules beside the library's own [none]
    router: Router  # chooses the broker of orders that name none [the library's]
    publisher: EventPublisher  # gets the events, instead of a file or Kafka [none]
