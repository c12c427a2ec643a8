"""What probes and people ask about the application's state."""
