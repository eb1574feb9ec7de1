"""Processes that fork and interpreters that end: the child of a fork can do nothing to its parent's book, and an
interpreter ends in order whatever is still open or under way."""

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import orchestrator as o

PACKAGE = Path(o.__file__).resolve().parents[1]

PRELUDE = """
import atexit, gc, os, subprocess, sys, threading
{before}
import orchestrator as o

URL = sys.argv[1]
GOOD = dict(instrument_id=1, qty=100, side="BUY", price_limit="2500")
MINE = GOOD | {{"broker": "mine"}}

class Broker(o.BrokerConnector):
    orders_max = 100
    def place(self, order):
        return order.client_order_id

class Publisher:
    def publish(self, events):
        pass

def refusal(call):
    try:
        call()
    except o.OrchestratorError as error:
        return str(error.code)
    return "it ran"
"""


def run(script, url, *, before="", status=0):
    """Runs a script to its end; the time only keeps a hanging one from hanging the tests."""
    code = PRELUDE.format(before=before) + textwrap.dedent(script)
    done = subprocess.run([sys.executable, "-X", "faulthandler", "-c", code, url], capture_output=True, text=True,
                          timeout=120, env={**os.environ, "PYTHONPATH": str(PACKAGE)}, check=False)
    assert (done.returncode, done.stderr) == (status, ""), done.stderr
    return done.stdout


def statuses(url):
    """Of every order, as the next process finds them."""
    with o.Orchestrator(url) as oms:
        found = []
        while True:
            try:
                found.append(str(oms.get_order(len(found) + 1).status))
            except o.OrchestratorError:
                return found


CHILD = """
oms = o.Orchestrator(URL, **{settings})
batch = oms.place([GOOD], portfolio_id=1).batch_id
child = os.fork()
if child == 0:
    verbs = [lambda: oms.place([GOOD], portfolio_id=1), lambda: oms.get_order(1), lambda: oms.cancel(1),
             lambda: oms.reconcile(batch), oms.step, oms.publish, oms.recover]
    assert [refusal(verb) for verb in verbs] == ["closed"] * len(verbs), [refusal(verb) for verb in verbs]
    assert oms.closed
    oms.close()
    with o.Orchestrator("memory:", mock_ledger="memory:", brokers={{"mine": Broker()}}) as own:
        assert own.get_order(own.place([MINE], portfolio_id=1).orders[0].id).status == "acked"
    if {drops}:
        del oms, verbs
        gc.collect()
    sys.exit(0)  # the interpreter ends in the child as anywhere
assert os.waitpid(child, 0)[1] == 0
assert oms.place([GOOD], portfolio_id=1).batch_id == batch + 1
oms.close()
"""


@pytest.mark.parametrize("settings", [
    "dict()", "dict(mode='background')",
    "dict(mode='background', brokers={'mine': Broker()}, publisher=Publisher(), rules=[], router=None)",
], ids=["inline", "background", "python_parts"])
@pytest.mark.parametrize("drops", [True, False], ids=["let_go", "kept"])
def test_in_the_child_of_a_fork_every_call_is_refused_and_the_parent_goes_on(database_url, settings, drops):
    run(CHILD.format(settings=settings.replace(", router=None", ""), drops=drops), database_url)
    assert len(statuses(database_url)) == 2


def test_a_fork_while_other_threads_place_harms_neither(database_url):
    placed = run("""
        oms = o.Orchestrator(URL, brokers={"mine": Broker()}, publisher=Publisher())
        done, count = threading.Event(), [0] * 4
        def place(at):
            while not done.is_set():
                oms.place([MINE], portfolio_id=at + 1)
                oms.publish()
                count[at] += 1
        threads = [threading.Thread(target=place, args=(at,)) for at in range(4)]
        for thread in threads: thread.start()
        for _ in range(20):
            child = os.fork()
            if child == 0:
                code = refusal(oms.step)
                del oms
                gc.collect()
                os._exit(0 if code == "closed" else 1)
            assert os.waitpid(child, 0)[1] == 0
        done.set()
        for thread in threads: thread.join()
        oms.close()
        print(sum(count))
    """, database_url)
    assert statuses(database_url) == ["acked"] * int(placed)


def test_a_process_may_be_started_by_a_broker(database_url):
    run("""
        class Starts(Broker):
            def place(self, order):
                return subprocess.run(["echo", "X1"], capture_output=True, text=True, check=True).stdout.strip()
        with o.Orchestrator(URL, brokers={"mine": Starts()}) as oms:
            assert oms.get_order(oms.place([MINE], portfolio_id=1).orders[0].id).ext_order_id == "X1"
    """, database_url)


@pytest.mark.parametrize("settings", ["", ", mode='background'"], ids=["inline", "background"])
def test_what_was_never_closed_is_closed_at_exit(database_url, settings):
    run(f"""
        broker = Broker()
        broker.oms = o.Orchestrator(URL, brokers={{"mine": broker}}, publisher=Publisher(){settings})
        broker.oms.place([MINE] * 50, portfolio_id=1)
    """, database_url)
    assert set(statuses(database_url)) <= {"placed", "acked"} and len(statuses(database_url)) == 50


def test_parts_that_raise_while_the_interpreter_ends_are_heard_by_nobody(database_url):
    run("""
        class Raises(Broker):
            def place(self, order):
                threading.main_thread().join()
                raise ValueError("too late")
            def poll(self, cursor):
                raise SystemExit(5)
        class Interrupts:
            def publish(self, events):
                raise KeyboardInterrupt
        oms = o.Orchestrator(URL, brokers={"mine": Raises()}, publisher=Interrupts(), mode="background")
        oms.place([MINE], portfolio_id=1)
        while oms.get_order(1).status == "placed":
            pass
    """, database_url)
    assert statuses(database_url) == ["unknown"]


def test_a_call_that_is_under_way_at_exit_records_its_outcome(database_url):
    run("""
        entered = threading.Event()
        class Slow(Broker):
            def place(self, order):
                entered.set()
                threading.main_thread().join()
                return "X1"
        oms = o.Orchestrator(URL, brokers={"mine": Slow()})
        threading.Thread(target=oms.place, args=([MINE],), kwargs=dict(portfolio_id=1), daemon=True).start()
        entered.wait()
    """, database_url)
    assert statuses(database_url) == ["acked"]


@pytest.mark.parametrize("attempt", range(5))
def test_threads_that_go_on_calling_while_the_interpreter_ends_do_it_no_harm(database_url, attempt):
    run("""
        oms = o.Orchestrator("memory:", mock_ledger="memory:", brokers={"mine": Broker()}, publisher=Publisher(),
                             mode="background")
        started = threading.Barrier(5)
        def call():
            started.wait()
            while True:
                try:
                    oms.place([MINE], portfolio_id=1)
                    oms.get_order(1)
                except o.OrchestratorError:
                    pass
        for _ in range(4):
            threading.Thread(target=call, daemon=True).start()
        started.wait()
        while refusal(lambda: oms.get_order(200)) != "it ran":
            pass
    """, database_url)


def test_handlers_of_the_exit_that_came_after_the_import_still_find_it_open(database_url):
    said = run("""
        oms = o.Orchestrator(URL)
        def later():
            print("later:", oms.place([GOOD], portfolio_id=1).batch_id)
        atexit.register(later)
    """, database_url, before="""
def earlier():
    print("earlier:", refusal(lambda: oms.get_order(1)), refusal(lambda: o.Orchestrator("memory:")))
atexit.register(earlier)
""")
    assert said.splitlines() == ["later: 1", "earlier: closed closed"]


def test_in_the_child_of_a_fork_awaited_calls_are_refused_and_the_parent_goes_on(database_url):
    run("""
        import asyncio
        async def job():
            async with o.AsyncOrchestrator(URL) as oms:
                await oms.place([GOOD], portfolio_id=1)
                queue = oms._queue
                child = os.fork()
                if child == 0:
                    asyncio._set_running_loop(None)
                    codes = [refusal(lambda: asyncio.run(oms.place([GOOD], portfolio_id=1))),
                             refusal(lambda: queue.step(None))]
                    asyncio.run(oms.close())
                    queue.drain()
                    queue.close()
                    os._exit(0 if codes == ["closed"] * 2 and oms.closed else 1)
                assert (await asyncio.to_thread(os.waitpid, child, 0))[1] == 0
                await oms.place([GOOD], portfolio_id=1)
        asyncio.run(job())
    """, database_url)
    assert len(statuses(database_url)) == 2


LIMIT = """
import asyncio, resource
def threads_are_refused():
    used = int(open("/proc/self/statm").read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used + 4 * 2**20, resource.RLIM_INFINITY))  # a stack is 8 MiB
def threads_are_given():
    resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
"""


def test_a_system_without_a_thread_for_an_awaited_call_makes_none_of_it(database_url):
    run("""
        async def job():
            async with o.AsyncOrchestrator(URL) as oms:
                threads_are_refused()
                try:
                    await oms.place([GOOD], portfolio_id=1, idempotency_key="k")
                except o.OrchestratorError as error:
                    assert error.retryable
                else:
                    raise AssertionError("it had a thread")
                threads_are_given()
                assert not (await oms.place([GOOD], portfolio_id=1, idempotency_key="k")).replayed
        asyncio.run(job())
    """, database_url, before=LIMIT)
    assert len(statuses(database_url)) == 1


def test_an_awaited_call_without_a_thread_of_its_own_is_made_by_another(database_url):
    run("""
        class Slow(Broker):
            asked, may_answer = threading.Event(), threading.Event()
            def place(self, order):
                self.asked.set()
                self.may_answer.wait()
                return order.client_order_id
        async def job():
            async with o.AsyncOrchestrator(URL, brokers={"mine": Slow()}) as oms:
                first = asyncio.ensure_future(oms.place([MINE], portfolio_id=1))
                await asyncio.to_thread(Slow.asked.wait)
                threads_are_refused()
                second = asyncio.ensure_future(oms.place([MINE], portfolio_id=1))
                await asyncio.sleep(0)
                threads_are_given()
                Slow.may_answer.set()
                assert [(await call).batch_id for call in (first, second)] == [1, 2]
        asyncio.run(job())
    """, database_url, before=LIMIT)
    assert len(statuses(database_url)) == 2
