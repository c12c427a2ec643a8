"""The live feed: a tenant sees each decision of the trust gate as it is made."""
