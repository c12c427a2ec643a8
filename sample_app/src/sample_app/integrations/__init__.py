"""Calls to the ad platforms, and what is said when they fail."""
