"""The inbox's pages as a person sees them, on a phone and at a desk: readable, self-contained, and deaf to what is sent.

The screenshots are left in build/screenshots, to be looked at.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from harness.plugin import ROOT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from playwright.sync_api import Browser, Page

    from harness.clients.http import Session

SCREENS = {"phone": (390, 844), "desk": (1280, 900)}
PAGES = {
    "incidents": "/",
    "notifications": "/notifications",
    "notification": "/notifications/1",
    "evidence": "/alerts/APIDown",
    "runbook": "/runbooks/APIDown",
}
SCREENSHOTS = ROOT / "build" / "screenshots"
_SMALLEST_TARGET = 44  # CSS pixels: what a thumb hits
_SMALLEST_LETTERS = 13.0


@pytest.fixture(params=SCREENS)
def page(request: pytest.FixtureRequest, chromium: Browser, inbox: Session) -> Iterator[Page]:
    """A page that has not complained and has talked to nobody else, when the test is over."""
    width, height = SCREENS[request.param]
    context = chromium.new_context(
        viewport={"width": width, "height": height}, base_url=inbox.address, color_scheme="light"
    )
    opened = context.new_page()
    asked: list[str] = []
    complaints: list[str] = []
    opened.on("request", lambda one: asked.append(one.url))
    opened.on("console", lambda one: complaints.append(one.text))
    opened.on("pageerror", lambda one: complaints.append(str(one)))
    yield opened
    context.close()
    assert [url for url in asked if not url.startswith(inbox.address)] == []
    assert complaints == []


@pytest.mark.parametrize("name", PAGES)
def test_a_page_fits_its_screen_and_can_be_read(
    page: Page, name: str, request: pytest.FixtureRequest
) -> None:
    answer = page.goto(PAGES[name])
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    screen = request.node.callspec.params["page"]
    page.screenshot(path=SCREENSHOTS / f"inbox-{name}-{screen}.png", full_page=True)

    assert answer is not None
    assert answer.status == 200
    assert page.evaluate("document.documentElement.scrollWidth") <= SCREENS[screen][0]
    letters = page.evaluate(
        """Array.from(document.querySelectorAll("p, td, code, pre, a, h1, h2, h3, span, time"))
            .filter(one => one.textContent.trim())
            .map(one => parseFloat(getComputedStyle(one).fontSize))"""
    )
    assert min(letters) >= _SMALLEST_LETTERS * 0.95
    for button in page.locator(".button").all():
        box = button.bounding_box()
        assert box is not None
        assert box["height"] >= _SMALLEST_TARGET


def test_the_first_page_names_what_is_wrong_most_urgent_first(page: Page) -> None:
    page.goto("/")

    assert page.locator("h1").inner_text() == "4 open incidents"
    names = page.locator("article h3").all_inner_texts()
    assert names == [
        "DatabaseDown",
        "AlertmanagerNotificationsFailing",
        "SignalHealthDegraded",
        "RedisMaxmemoryUnset",
        "APIDown",
    ]
    assert page.locator("article.resolved h3").all_inner_texts() == ["APIDown"]


def test_from_an_incident_to_its_evidence_to_its_runbook_by_two_touches(page: Page) -> None:
    page.goto("/")
    page.locator("article", has_text="APIDown").get_by_role("link", name="Evidence").click()

    assert page.locator("h1").inner_text() == "APIDown"
    assert "0 targets of stratum-api answer" in page.locator("main").inner_text()

    page.get_by_role("link", name="Runbook: what to do").click()

    assert page.locator("h2").all_inner_texts() == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def test_the_evidence_leads_to_the_trace_of_a_log_line(page: Page) -> None:
    page.goto("/alerts/APIDown")

    link = page.get_by_role("link", name="trace", exact=True).first.get_attribute("href")
    assert link == "http://127.0.0.1:16686/trace/4bf92f3577b34da6a3ce929d0e0e4736"


def test_markup_that_was_sent_is_shown_and_not_obeyed(page: Page) -> None:
    """The customer's message holds markup of Slack's; it is text here."""
    page.goto("/notifications")

    assert page.evaluate("document.scripts.length") == 0
    assert page.locator("img, iframe, object, form, script").count() == 0


def test_the_colours_are_told_apart_from_their_background(page: Page) -> None:
    """WCAG AA: 4.5 to 1 for text, in both colour schemes."""
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.goto("/")
        pairs = page.evaluate(
            """Array.from(document.querySelectorAll("article p, article a, article span, section h1, section p"))
                .map(one => [getComputedStyle(one).color, getComputedStyle(one.closest("article, section")).backgroundColor])"""
        )
        assert pairs
        for text, background in {tuple(pair) for pair in pairs}:
            assert contrast(text, background) >= 4.5, f"{text} on {background} ({scheme})"


def contrast(one: str, other: str) -> float:
    """How far two CSS colours are apart, as WCAG counts it."""
    lighter, darker = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _luminance(colour: str) -> float:
    channels = [int(part) / 255 for part in colour.removeprefix("rgb(").removesuffix(")").split(",")[:3]]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in channels]
    return sum(weight * part for weight, part in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
