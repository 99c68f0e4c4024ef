"""The weight of the pages: what travels to a phone that opens one for the first time."""

from tests.browser.conftest import Arrive

SLOW_LINE = 400_000 // 8
"""Bytes a second of a slow mobile network."""
SECONDS = 3


def test_a_page_weighs_no_more_than_a_slow_line_carries_in_three_seconds(
    newcomer: Arrive,
) -> None:
    page = newcomer("phone")
    tools = page.context.new_cdp_session(page)
    tools.send("Network.enable")
    tools.send("Network.setCacheDisabled", {"cacheDisabled": True})
    came: list[float] = []
    tools.on("Network.loadingFinished", lambda one: came.append(one["encodedDataLength"]))
    for path in ("/", "/models/iris-species/", "/history/", "/presets/", "/notifications/"):
        came.clear()
        page.goto(path, wait_until="networkidle")
        assert 10_000 < sum(came) <= SLOW_LINE * SECONDS, path
