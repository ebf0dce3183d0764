"""People whom a list takes for robots, as other programs were told: an exception brings their past back."""

import pytest

PHONES = {
    "brand": (
        "Mozilla/5.0 (Linux; Android 8.0.0; CUBOT_P20) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/70.0.3538.110 "
        "Mobile Safari/537.36",
        r"\bcubot_",
    ),
    "tablet": (
        "Mozilla/5.0 (Linux; Android 6.0.1; M BOT TAB 101 Build/MOB30R) AppleWebKit/537.36 (KHTML, like Gecko) "
        "Chrome/54.0.2840.85 Safari/537.36",
        r"; m bot (?:tab )?\d",
    ),
    "model": (
        "Mozilla/5.0 (Linux; Android 10; Titan P8000 PRO 2021 Build/QP1A.190711.020; wv) AppleWebKit/537.36 "
        "(KHTML, like Gecko) Version/4.0 Chrome/113.0.5672.76 Mobile Safari/537.36 [FB_IAB/FB4A;FBAV/415.0.0.34.107;]",
        r"; titan p\d",
    ),
}


@pytest.mark.parametrize(("agent", "exception"), PHONES.values(), ids=PHONES)
def test_a_phone_with_a_robots_name_counts_after_an_exception(views, counted, lists, reclassify, agent, exception):
    views(0, 100, 200, agent=agent)
    assert counted()["record-view"] == {}
    lists(exceptions=[exception])
    reclassify()
    assert counted()["record-view"] == {"1": 3}
