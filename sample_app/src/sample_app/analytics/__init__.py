"""Figures over many rows, read from the replica, so that they hold up nobody who writes."""
