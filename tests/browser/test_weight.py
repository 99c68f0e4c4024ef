"""The weight of the pages: what travels to a phone that opens one for the first time."""

from playwright.sync_api import Request

from tests.browser.conftest import Arrive

SLOW_LINE = 400_000 // 8
"""Bytes a second of a slow mobile network."""
SECONDS = 3


def test_a_page_weighs_no_more_than_a_slow_line_carries_in_three_seconds(
    newcomer: Arrive,
) -> None:
    page = newcomer("phone")
    page.context.new_cdp_session(page).send("Network.setCacheDisabled", {"cacheDisabled": True})
    came: list[Request] = []
    page.on("requestfinished", came.append)
    for path in ("/", "/models/iris-species/", "/history/", "/presets/", "/notifications/"):
        came.clear()
        page.goto(path, wait_until="networkidle")
        sizes = [request.sizes() for request in came]
        weight = sum(one["responseHeadersSize"] + one["responseBodySize"] for one in sizes)
        assert 0 < weight <= SLOW_LINE * SECONDS, path
