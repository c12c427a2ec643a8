"""Where notifications land in development.

The inbox stands in for PagerDuty, Slack and the webhooks behind Alertmanager: it checks what it is sent as those
services do and answers as they do, so that a notification accepted here would have been accepted there. It keeps
what it received, shows it to people, and answers the tests that ask what arrived.

It sends nothing on, and it never talks to the real services.
"""
