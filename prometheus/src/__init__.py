"""Writes the rules that follow from the SLOs, and shows every alert in one table."""
