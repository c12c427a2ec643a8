"""Property tests judge properties, and not how fast a shared machine happens to be: that is for benchmarks."""

from __future__ import annotations

from hypothesis import settings

# on top of what is loaded: CI's own profile, or that of the mutants
settings.register_profile("without a clock", settings(), deadline=None)
settings.load_profile("without a clock")
