"""Healthcheck: does the tracker answer?

The server listens only after migration and provisioning, so an answer means that events are accepted. A bare socket
because this runs every few seconds: an HTTP client would cost ten times as much to import.
"""

import socket
import sys


def answers(host: str = "127.0.0.1", port: int = 8000) -> bool:
    """Whether the tracker's health page answers 200 within two seconds."""
    request = f"GET /health/ready HTTP/1.0\r\nHost: {host}\r\n\r\n".encode()
    try:
        with socket.create_connection((host, port), timeout=2) as connection:
            connection.sendall(request)
            first = connection.recv(16)
    except OSError:
        return False
    return first.split(b" ")[1:2] == [b"200"]


if __name__ == "__main__":
    sys.exit(0 if answers() else 1)
