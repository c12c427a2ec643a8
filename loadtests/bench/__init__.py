"""`make bench`: what telemetry costs, measured in the image that runs in production."""
