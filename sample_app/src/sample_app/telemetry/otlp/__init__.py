"""Spans leave by OTLP over HTTP, encoded and sent by our own code: ADR-0009 says what that gains."""
