"""The Stratum platform: a trust engine in front of marketing automations, small and whole."""
