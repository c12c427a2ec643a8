"""The proving library: ask every store of a running stack, wait for it to catch up, say what was seen.

    eventually     Probe, NotYet, eventually, consistently: how tests wait
    expectations   what a value must be, in functions that assert
    clients        one small client for each store, and the Stratum API as its users know it
    stack          a private Compose project, or the one `make up` runs
    compression    the committed configuration with every duration divided by one factor
    faults         what can be broken in a private stack, and heals
    timeline       when what happened, from a fault to the all-clear
    canary         one request read back from every store: what `make up` calls "ready"
    diagnostics    what is kept when a test fails
    machine        how busy the processors were meanwhile
    plugin         the pytest options and fixtures around all of it

It is a library, not a conftest: it has its own unit tests (tests/unit/harness), which need no Docker.
"""
