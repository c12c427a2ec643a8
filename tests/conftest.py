"""The nouns that tests speak of. What they are made of is in `harness`; the stack itself is a fixture of its plugin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from harness.chronicle import Chronicle, short
from harness.plugin import ROOT
from harness.settling import settle
from harness.timeline import Timelines

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from harness.clients.api import Api
    from harness.clients.database import Database
    from harness.clients.errors import Errors
    from harness.clients.inbox import Inbox
    from harness.clients.jaeger import Jaeger
    from harness.clients.loki import Loki
    from harness.clients.prometheus import Prometheus
    from harness.clients.saboteur import Saboteur
    from harness.faults import Faults
    from harness.stack import Stack

_CHRONICLE: pytest.StashKey[Chronicle] = pytest.StashKey()


@pytest.fixture(scope="session")
def acme(stack: Stack) -> Api:
    """A tenant, with its API key; its automations are 1001 to 1003."""
    return stack.stores.tenant("acme", on_trace=stack.sent.append)


@pytest.fixture(scope="session")
def techco(stack: Stack) -> Api:
    """Another tenant: 2001 to 2003."""
    return stack.stores.tenant("techco", on_trace=stack.sent.append)


@pytest.fixture(scope="session")
def retailx(stack: Stack) -> Api:
    """A third: 3001 to 3003."""
    return stack.stores.tenant("retailx", on_trace=stack.sent.append)


@pytest.fixture(scope="session")
def closedco(stack: Stack) -> Api:
    """A tenant whose account is closed."""
    return stack.stores.tenant("closedco", on_trace=stack.sent.append)


@pytest.fixture(scope="session")
def operator(stack: Stack) -> Api:
    """Whoever holds the internal key."""
    return stack.stores.operator(on_trace=stack.sent.append)


@pytest.fixture(scope="session")
def saboteur(stack: Stack, faults: Faults) -> Saboteur:
    """The application's own faults."""
    return stack.stores.saboteur(faults.healed)


@pytest.fixture(scope="session")
def prometheus(stack: Stack) -> Prometheus:
    """The metrics."""
    return stack.stores.prometheus


@pytest.fixture(scope="session")
def loki(stack: Stack) -> Loki:
    """The logs."""
    return stack.stores.loki


@pytest.fixture(scope="session")
def jaeger(stack: Stack) -> Jaeger:
    """The traces."""
    return stack.stores.jaeger


@pytest.fixture(scope="session")
def errors(stack: Stack) -> Errors:
    """The error tracker."""
    return stack.stores.errors


@pytest.fixture(scope="session")
def inbox(stack: Stack) -> Inbox:
    """What was delivered."""
    return stack.stores.inbox


@pytest.fixture(scope="session")
def faults(stack: Stack, pytestconfig: pytest.Config, timelines: Timelines) -> Iterator[Faults]:
    """What can be broken; what came of it is told, test by test."""
    from harness.faults import Faults  # noqa: PLC0415 - runs without a stack need no Docker client

    faults = Faults(stack)
    stores = stack.stores
    pytestconfig.stash[_CHRONICLE] = chronicle = Chronicle(
        faults.healed, stores.prometheus, stores.inbox, timelines
    )
    yield faults
    chronicle.run_ended()


@pytest.hookimpl(wrapper=True, tryfirst=True)  # while the stack is there
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, None, None]:
    """Tell what came of what a test has broken, and let the stack settle before the next one."""
    chronicle = item.config.stash.get(_CHRONICLE, None)
    try:
        if chronicle is not None and chronicle.test_ended(short(item.nodeid)):
            settle(chronicle.prometheus)
    finally:
        yield  # whatever comes of it, pytest tears down


@pytest.fixture(scope="session")
def timelines(request: pytest.FixtureRequest) -> Timelines:
    """When what happened in the tests that break something; with `-v` it is told at once."""
    reporter: Any = request.config.pluginmanager.get_plugin("terminalreporter")

    def tell(text: str) -> None:
        if reporter and request.config.get_verbosity() > 0:
            reporter.ensure_newline()
            reporter.write_line(text)

    return Timelines(ROOT / "build" / "timelines", say=tell)


@pytest.fixture(scope="session")
def database(stack: Stack) -> Database:
    """The application's rows, past the application."""
    from harness.clients.database import Database  # noqa: PLC0415 - as above

    return Database(stack.compose)
