"""Write every dashboard: `python -m grafana.src`."""

from pathlib import Path

from grafana.src.boards import write

if __name__ == "__main__":
    for path in write(Path("grafana/dashboards")):
        print(path)
