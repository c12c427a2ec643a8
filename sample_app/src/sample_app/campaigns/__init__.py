"""Campaigns on the ad platforms: kept in PostgreSQL, read through the cache."""
