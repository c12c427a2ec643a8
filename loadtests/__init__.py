"""Load on the running stack, and the verdict on it; `python -m loadtests` is what `make load` calls."""
