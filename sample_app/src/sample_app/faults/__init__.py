"""Breaks the platform on purpose, for tests and demos: every way to fail that an alert should notice.

Off unless `STRATUM_FAULTS=on`, which production refuses; then still behind a key of its own.
Each fault ends by itself after its time: what is on is a key with an expiry in the broker,
so that every process sees the same, and the API's death leaves nothing broken for ever.
"""
