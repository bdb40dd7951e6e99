"""Web hooks: what is sent, what comes back, and what `Retry-After` means."""

import datetime as dt

import pytest

from integrations.addresses import Allowed
from integrations.guard import Forbidden, Guard
from integrations.webhooks import COLOURS, OVER, SlackText, post_alert, retry_after, slack_message
from tests.receivers import Endpoint

NOW = dt.datetime(2026, 1, 15, 12, tzinfo=dt.UTC)
LOCAL = Guard(Allowed(["127.0.0.0/8"]))


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120),
        (" 0 ", 0),
        ("Thu, 15 Jan 2026 12:01:00 GMT", 60),
        ("Thu, 15 Jan 2026 11:00:00 GMT", 0),
        ("soon", None),
        ("-5", None),
        ("9" * 40, None),
        (None, None),
    ],
)
def test_retry_after_is_seconds_or_a_date(value: str | None, seconds: int | None) -> None:
    assert retry_after(value, NOW) == (None if seconds is None else dt.timedelta(seconds=seconds))


@pytest.mark.parametrize("severity", COLOURS)
def test_slack_shows_the_severity_in_its_colour_and_reads_no_markup(severity: str) -> None:
    text = SlackText(title="<!channel> a & b", body="x", severity=severity, ends=False)
    message = slack_message(text)
    assert message["attachments"][0]["color"] == COLOURS[severity]
    assert message["text"] == "&lt;!channel&gt; a &amp; b"
    over = SlackText(title="t", body="x", severity=severity, ends=True)
    assert slack_message(over)["attachments"][0]["color"] == OVER


async def test_redirects_are_not_followed() -> None:
    with Endpoint() as there, Endpoint(answer=lambda number: (307, {"Location": there.url()})) as here:
        posted = await post_alert(LOCAL, here.url("/s3cret"), "secret", "id", {})
        assert posted.error == "It answered 307: redirects are not followed."
        assert there.got == []


async def test_a_private_address_is_refused_before_anything_is_sent() -> None:
    with Endpoint() as endpoint:
        with pytest.raises(Forbidden):
            await post_alert(Guard(), endpoint.url(), "secret", "id", {})
        assert endpoint.got == []
