"""`python -m prometheus.src slos` writes the rules of the SLOs; `python -m prometheus.src rules` shows every alert."""

from __future__ import annotations

import sys
from pathlib import Path

from prometheus.src import burn_rates, slos

FOLDER = Path(__file__).parent.parent
GENERATED = FOLDER / "rules" / "generated" / "slo.rules.yml"


def main() -> None:
    """Do what the first argument says."""
    match sys.argv[1:]:
        case ["slos"]:
            GENERATED.write_text(burn_rates.rules(slos.load(FOLDER / "slos")), encoding="utf-8")
        case ["rules"]:
            from prometheus.src.table import show  # noqa: PLC0415 - writing rules needs no Docker

            show()
        case _:
            raise SystemExit(f"say slos or rules, not {sys.argv[1:]}")


if __name__ == "__main__":
    main()
