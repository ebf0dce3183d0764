"""Who may ask for which customer, with which key, and what of it is shown."""

import json

import pytest

from invenio_stats.core import names
from invenio_stats.core.counter_requestors import find_by_requestor_id, hash_key
from invenio_stats.counter.service.requestors import KnownRequestors, fetch_requestors, revoke_requestors
from tests.flow.counter.api.conftest import WORLD, month_ago, today


@pytest.mark.parametrize(
    ("customers", "permitted"),
    [
        pytest.param(["all"], {"u1", "u2", "all-u", WORLD}, id="all"),
        pytest.param(["u1"], {"u1", WORLD}, id="one"),
        pytest.param(["u1", "u2"], {"u1", "u2", WORLD}, id="two"),
        pytest.param(["all-u"], {"u1", "u2", "all-u", WORLD}, id="a consortium with its members"),
        pytest.param([WORLD], {WORLD}, id="the world"),
    ],
)
def test_a_requestor_asks_for_its_customers_only(months, add, get, customers, permitted):
    """For any other one, the answer is that of a customer that does not exist."""
    new = add(customers=customers)
    for customer in ("u1", "u2", "all-u", WORLD, "nobody", "all"):
        params = {"customer_id": customer, "requestor_id": new.requestor_id}
        dates = {"begin_date": month_ago(1), "end_date": month_ago(1)}
        for path, more in (("members", {}), ("reports", {}), ("reports/pr", dates)):
            answer = get(path, {**params, **more})
            if customer in permitted:
                assert answer.status_code == 200
            else:
                assert (answer.status_code, answer.json["Code"]) == (403, 2010)


def test_a_customer_gets_its_own_usage(months, ask):
    """A consortium has the sum of its members, The World everything."""

    def requests(customer):
        answer = ask("reports/ir", customer_id=customer, begin_date=month_ago(1))
        assert answer.json["Report_Header"]["Institution_ID"]["Proprietary"] == [f"example:{customer}"]
        return {
            item["Item"]: item["Attribute_Performance"][0]["Performance"]["Total_Item_Requests"][month_ago(1)]
            for item in answer.json["Report_Items"][0]["Items"]
        }

    assert requests("u1") == {"On counting": 1}
    assert requests("all-u") == {"On counting": 2}
    assert requests(WORLD) == {"On counting": 2, "Numbers": 3}


def test_an_api_key_is_as_good_as_a_requestor_id(add, get):
    new = add(has_key=True)
    keys = {"requestor_id": new.requestor_id, "api_key": new.api_key}
    for chosen in ({"requestor_id"}, {"api_key"}, {"requestor_id", "api_key"}):
        params = {name: keys[name] for name in chosen}
        assert get("members", {"customer_id": WORLD, **params}).status_code == 200


def test_the_keys_of_two_requestors_do_not_fit_together(add, get):
    first, second = add("first", has_key=True), add("second", has_key=True)
    params = {"customer_id": WORLD, "requestor_id": first.requestor_id, "api_key": second.api_key}
    assert get("members", params).json["Code"] == 2020


def test_one_kind_of_key_is_not_the_other(add, get):
    new = add(has_key=True)
    assert get("members", {"customer_id": WORLD, "requestor_id": new.api_key}).json["Code"] == 2000
    assert get("members", {"customer_id": WORLD, "api_key": new.requestor_id}).json["Code"] == 2020


def test_credentials_are_parameters_only(requestor, get):
    """Not a header, as COUNTER forbids."""
    headers = {"requestor_id": requestor.requestor_id, "Authorization": f"Bearer {requestor.requestor_id}"}
    assert get("members", {"customer_id": WORLD}, headers=headers).json["Code"] == 1030


def test_only_hashes_are_stored(search_client, index_prefix, add):
    """Who reads the index cannot ask in the name of a requestor."""
    new = add(has_key=True)
    assert len(new.requestor_id) == len(new.api_key) == 43  # 32 bytes
    hits = search_client.search(index=f"{index_prefix}{names.COUNTER_REQUESTORS}")["hits"]["hits"]
    text = json.dumps(hits)
    assert new.requestor_id not in text
    assert new.api_key not in text
    assert hash_key(new.requestor_id) in text


def test_each_requestor_is_compared(add, search_client, monkeypatch):
    """The time does not tell which one it is, nor how much of a key is right."""
    import hmac

    news = [add(str(number)) for number in range(3)]
    compared = []
    compare = hmac.compare_digest
    monkeypatch.setattr(hmac, "compare_digest", lambda *values: compared.append(values) or compare(*values))
    for new in news:
        found = find_by_requestor_id(fetch_requestors(search_client), new.requestor_id)
        assert found.name == new.requestor.name
    assert len(compared) == 9


@pytest.mark.parametrize("grant", [True, False])
def test_countries_are_shown_to_those_who_were_granted_them(months, add, get, grant):
    new = add(customers=["u1"], has_countries=grant)
    params = {
        "customer_id": "u1",
        "requestor_id": new.requestor_id,
        "begin_date": month_ago(1),
        "end_date": month_ago(1),
        "attributes_to_show": "Country_Code",
        "country_code": "CH",
    }
    answer = get("reports/ir", params).json
    codes = [exception["Code"] for exception in answer["Report_Header"].get("Exceptions", [])]
    (performance,) = answer["Report_Items"][0]["Items"][0]["Attribute_Performance"]
    assert codes == ([] if grant else [3060, 3062])
    assert performance.get("Country_Code") == ("CH" if grant else None)


def test_nobody_sees_countries_that_the_platform_does_not_offer(app, monkeypatch, months, add, get):
    monkeypatch.setitem(app.config, "STATS_COUNTER_COUNTRIES", False)
    new = add(has_countries=True)
    params = {"customer_id": WORLD, "requestor_id": new.requestor_id, "country_code": "CH"}
    answer = get("reports/pr", {**params, "begin_date": month_ago(1), "end_date": month_ago(1)}).json
    assert [exception["Code"] for exception in answer["Report_Header"]["Exceptions"]] == [3060]


class Clock:
    """The monotonic clock of a process."""

    now = 1000.0

    def __call__(self):
        return self.now


def test_a_revocation_reaches_every_process_within_a_minute(add, search_client):
    """Each has its own memory of the requestors."""
    new = add(has_key=True)
    clock = Clock()
    processes = [KnownRequestors(lambda: fetch_requestors(search_client), clock) for _ in range(2)]
    for process in processes:
        assert process.find_by_requestor_id(new.requestor_id).name == "harvester"
        assert process.find_by_api_key(new.api_key).name == "harvester"
        clock.now += 20
    revoke_requestors(search_client, "harvester", today())
    clock.now += 60
    for process in processes:
        assert process.find_by_requestor_id(new.requestor_id) is None
        assert process.find_by_api_key(new.api_key) is None


def test_a_new_requestor_is_known_to_every_process_at_once(add, search_client):
    """Who has just added one tries it; a wrong key is no reason to read them each time."""
    clock, reads = Clock(), []

    def fetch():
        reads.append(1)
        return fetch_requestors(search_client)

    process = KnownRequestors(fetch, clock)
    assert process.find_by_requestor_id("made up") is None
    new = add()
    clock.now += 2
    assert process.find_by_requestor_id(new.requestor_id) is not None
    assert process.find_by_requestor_id("made up") is None
    assert len(reads) == 2


def test_a_revoked_requestor_is_refused(requestor, search_client, forget, get):
    params = {"customer_id": WORLD, "requestor_id": requestor.requestor_id}
    assert get("members", params).status_code == 200
    revoke_requestors(search_client, requestor.requestor.id, today())
    forget()
    assert get("members", params).json["Code"] == 2000


@pytest.mark.expect_logged_errors
def test_requestors_that_cannot_be_read_are_not_unknown(ask, months, search_client, forget):
    """A program gives up keys that are unknown; it asks again where the service is away."""
    search_client.indices.close(index=f"{months.prefix}stats-counter-requestors")
    forget()
    answer = ask("reports/pr")
    assert (answer.status_code, answer.json["Code"]) == (503, 1000)
