"""The trust engine: an automation runs only when its tenant's signals can be trusted."""
