"""Send the HTTP requests of browsers, robots and tools."""

import requests

BROWSER = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"
AUTOMATED = (
    "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
    "curl/8.5.0",
    "python-requests/2.32.3",
)


class Visitor:
    """Somebody with an address and an agent, signed in or not; each request is a new connection, without cookies."""

    def __init__(self, url: str, address: str, agent: str = BROWSER):
        self.url = url
        self.session = requests.Session()
        self.session.headers.update({"User-Agent": agent, "X-Forwarded-For": address})

    def sign_in(self, email: str, password: str) -> "Visitor":
        """Sign in; the session's cookie is kept from now on."""
        self._expect(200, self.session.post(f"{self.url}/api/login", data={"email": email, "password": password}))
        return self

    def view(self, recid: str) -> None:
        """Look at the page of a record."""
        self._expect(200, self.session.get(f"{self.url}/records/{recid}"))

    def download(self, recid: str, file: str) -> None:
        """Take a file by the link of the page."""
        self._expect(200, self.session.get(f"{self.url}/records/{recid}/files/{file}", params={"download": 1}))

    def download_by_api(self, recid: str, file: str) -> None:
        """Take a file as programs do."""
        self._expect(200, self.session.get(f"{self.url}/api/records/{recid}/files/{file}/content"))

    def view_by_api(self, recid: str) -> None:
        """Read a record as programs do."""
        self._expect(200, self.session.get(f"{self.url}/api/records/{recid}"))

    def ask(self, questions: dict) -> requests.Response:
        """Ask the statistics."""
        return self.session.post(f"{self.url}/api/stats", json=questions)

    def get(self, query: str, **params: str) -> requests.Response:
        """Ask one query of the statistics."""
        return self.session.get(f"{self.url}/api/stats/{query}", params=params)

    def search(self) -> dict[str, dict]:
        """Return the numbers in the search results by record."""
        found = self.session.get(f"{self.url}/api/records", params={"allversions": "true"})
        self._expect(200, found)
        return {hit["id"]: hit["stats"] for hit in found.json()["hits"]["hits"]}

    def close(self) -> None:
        self.session.close()

    @staticmethod
    def _expect(status: int, response: requests.Response) -> None:
        assert response.status_code == status, (response.url, response.status_code, response.text[:2000])


def addresses(first: int, count: int) -> list[str]:
    """Return addresses of people who live next to each other."""
    return [f"198.51.100.{first + number}" for number in range(count)]
