"""From a bare machine to a running stack: what `make` calls.

The launcher starts things; that they *work* is shown by the test library (`harness.canary`), which it calls last.
"""
