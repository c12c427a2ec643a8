"""All telemetry of the application, configured once per process.

Business code imports names and small helpers from here, never the SDKs.
"""
