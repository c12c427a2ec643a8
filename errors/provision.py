"""Provisioning without a click: the rows that make the tracker usable from the first event on.

Everything here may run any number of times: it brings the rows to what the secrets say and touches nothing else.
Import it only after `django.setup()`.
"""

import uuid

from bsmain.models import AuthToken
from bugsink.transaction import immediate_atomic
from django.contrib.auth import get_user_model
from inputs import Inputs
from projects.models import Project, ProjectMembership, ProjectRole
from teams.models import Team, TeamMembership, TeamRole

_ADMIN = "admin"
_TOKEN_DESCRIPTION = "stratum: reads issues and events"  # noqa: S105  # what the token is for, not the token


def provision(inputs: Inputs, *, retained_events: int) -> None:
    """Make the admin, the team, the project behind the DSN and the token agree with the secrets."""
    with immediate_atomic():
        admin = _admin(inputs.admin_password)
        team, _ = Team.objects.get_or_create(name="Stratum")
        TeamMembership.objects.update_or_create(
            team=team, user=admin, defaults={"role": TeamRole.ADMIN, "accepted": True}
        )
        project, _ = Project.objects.update_or_create(
            id=inputs.project_id,
            defaults={
                "sentry_key": uuid.UUID(inputs.public_key),
                "retention_max_event_count": retained_events,
                # Who hears of an error is decided by alert rules, in one place; the tracker keeps and shows.
                "alert_on_new_issue": False,
                "alert_on_regression": False,
                "alert_on_unmute": False,
            },
            create_defaults={
                "team": team,
                "name": "stratum",
                "slug": "stratum",
                "sentry_key": uuid.UUID(inputs.public_key),
                "retention_max_event_count": retained_events,
                "alert_on_new_issue": False,
                "alert_on_regression": False,
                "alert_on_unmute": False,
            },
        )
        ProjectMembership.objects.update_or_create(
            project=project, user=admin, defaults={"role": ProjectRole.ADMIN, "accepted": True}
        )
        _token(inputs.api_token)


def _admin(password: str) -> object:
    users = get_user_model().objects
    admin = users.filter(username=_ADMIN).first()
    if admin is None:
        return users.create_superuser(username=_ADMIN, email="", password=password)
    if not admin.check_password(password):
        admin.set_password(password)
        admin.save(update_fields=["password"])
    return admin


def _token(token: str) -> None:
    """One token that can read and nothing else; tokens of an earlier secret stop working."""
    ours = AuthToken.objects.filter(description=_TOKEN_DESCRIPTION)
    for stale in ours.exclude(token=token):
        stale.revoke()
    AuthToken.objects.update_or_create(
        token=token,
        defaults={
            "description": _TOKEN_DESCRIPTION,
            "expires_at": None,
            "issues_read": True,
            "events_read": True,
            "projects_read": True,
            "releases_read": True,
        },
    )
