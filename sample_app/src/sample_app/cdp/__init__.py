"""The customer data platform: profiles, segments of them, and the events they are made from."""
