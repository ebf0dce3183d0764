"""Define what each kind of visitor does; no visitor repeats an action on an item, except as a double click."""

import random
from dataclasses import replace
from itertools import accumulate
from typing import Any
from urllib.parse import quote, urlencode

from traffic.model import Step, Thing


class Habits:
    """Makes the steps of one visit out of what the library holds."""

    def __init__(self, catalogue: dict[str, Any], choice: random.Random):
        """Choose from the catalogue; some records are far more popular than others."""
        self.choice = choice
        self.records = catalogue["records"]
        self.by_access = {
            status: [record for record in self.records if record["access_status"] == status]
            for status in ("open", "restricted", "embargoed")
        }
        self.terms = catalogue["terms"]
        self.password = catalogue["password"]
        self._weights = list(accumulate(1 / (1 + number) ** 0.8 for number in range(len(self.by_access["open"]))))
        self._used: dict[str, set[Thing]] = {}

    def reader(self) -> list[Step]:
        """Search perhaps, look at a record or two, and take some files."""
        steps = [self._search(self.choice.choice(self.terms))] if self.choice.random() < 0.25 else []
        for record in self._popular(self.choice.choice((1, 1, 2))):
            steps.append(self._view(record))
            files = self._healthy(record)
            steps += [self._download(record, file) for file in self.choice.sample(files, min(len(files), 2))]
        return steps

    def impatient(self) -> list[Step]:
        """Click two to four times on the same things, some of them slowly."""
        record = self._popular(1)[0]
        steps = [self._view(record), self._download(record, self.choice.choice(self._healthy(record)))]
        if self.choice.random() < 0.3:
            steps.append(self._search(self.choice.choice(self.terms)))
        clicks = []
        for step in steps:
            again = replace(step, again=True, kind="double click")
            slow = replace(again, pause=self.choice.choice((0.0, 0.0, 1.2)))
            clicks += [step, slow, *[again] * self.choice.randint(0, 2)]
        return clicks

    def member(self, email: str) -> list[Step]:
        """Sign in, and read what only those who signed in may read; no two sessions share a thing."""
        steps = [self._sign_in(email)]
        records = [*self.by_access["restricted"], *self._popular(2), self.choice.choice(self.by_access["embargoed"])]
        for record in self.choice.sample(records, 3):
            steps += [self._view(record), *(self._download(record, file) for file in self._healthy(record)[:2])]
        used = self._used.setdefault(email, set())
        fresh = [step for step in steps if step.thing not in used]
        used.update(step.thing for step in fresh if step.thing and step.status == 200)
        return [self._refuse(step) for step in fresh]

    def resumer(self) -> list[Step]:
        """Take a file in pieces: the piece that starts at byte 0 is the download, the others are its rest."""
        record = self._popular(1)[0]
        file = self.choice.choice(self._healthy(record))
        whole = self._download(record, file)
        half = file["size"] // 2
        pieces = {
            "range from byte 0": (206, f"bytes=0-{half}"),
            "range, later": (206, f"bytes={half + 1}-"),
            "range, outside": (416, f"bytes={file['size'] + 10}-"),
        }
        chosen = self.choice.sample(list(pieces), self.choice.choice((1, 2, 3)))
        if self.choice.random() < 0.3:
            pieces["range from byte 0"] = (206, "bytes=0-")
        return [
            replace(whole, kind=kind, status=pieces[kind][0], headers={"Range": pieces[kind][1]}, again=bool(number))
            for number, kind in enumerate(chosen)
        ]

    def checker(self) -> list[Step]:
        """Ask for the head only, or whether a file has changed, which it has not (304: that counts)."""
        records = self._popular(2)
        steps = [replace(self._view(record), kind="HEAD of a page", method="HEAD") for record in records]
        for number, record in enumerate(records):
            file = self.choice.choice(self._healthy(record))
            step = self._download(record, file)
            if number:
                steps.append(replace(step, kind="HEAD of a file", method="HEAD"))
            else:
                known = {"If-None-Match": f'"{file["checksum"]}"'}
                steps.append(replace(step, kind="conditional, unchanged", status=304, headers=known))
        return steps

    def stray(self) -> list[Step]:
        """Follow dead links, and try what is not theirs."""
        refused = self.choice.choice(self.by_access["restricted"] + self.by_access["embargoed"])
        broken = [(record, file) for record in self.records for file in record["files"] if file["missing"]]
        record, file = self.choice.choice(broken)
        steps = [
            Step("record that is not there", f"/records/{self.choice.randint(5000, 9999)}", status=404),
            Step("file that is not there", f"/api/files/{refused['bucket']}/gone.pdf", status=404),
            replace(self._download(refused, refused["files"][0]), kind="file, refused", status=403),
            replace(self._download(record, file), kind="file, missing on disk", status=500),
        ]
        page = self._view(refused)
        if refused["access_status"] == "restricted":
            page = replace(page, kind="record page, refused", status=302)  # to the page where one signs in
        return [*self.choice.sample(steps, 2), page]

    def crawler(self, name: str) -> list[Step]:
        """Walk through records and files without being anybody."""
        steps = []
        for record in self.choice.sample(self.by_access["open"], self.choice.randint(1, 5)):
            steps += [self._view(record), self._download(record, self.choice.choice(self._healthy(record)))]
        steps.append(self._search(self.choice.choice(self.terms)))
        return [replace(step, kind=f"{name}: {step.kind}") for step in steps]

    def _popular(self, count: int) -> list[dict]:
        chosen: list[dict] = []
        while len(chosen) < count:
            record = self.choice.choices(self.by_access["open"], cum_weights=self._weights)[0]
            if record not in chosen:
                chosen.append(record)
        return chosen

    @staticmethod
    def _healthy(record: dict) -> list[dict]:
        return [file for file in record["files"] if not file["missing"]]

    @staticmethod
    def _view(record: dict) -> Step:
        return Step("record page", f"/records/{record['id']}", ("record", record["id"]))

    @staticmethod
    def _download(record: dict, file: dict) -> Step:
        path = f"/api/files/{record['bucket']}/{quote(file['key'])}"
        return Step("file", path, ("file", record["bucket"], file["key"]))

    @staticmethod
    def _search(term: str) -> Step:
        return Step("search", f"/search?{urlencode({'q': term})}", ("search", term))

    def _sign_in(self, email: str) -> Step:
        return Step("sign-in", "/api/login", method="POST", form={"email": email, "password": self.password})

    def _refuse(self, step: Step) -> Step:
        """Expect a refusal where the file is embargoed."""
        buckets = {record["bucket"] for record in self.by_access["embargoed"]}
        is_embargoed = step.thing is not None and step.thing[0] == "file" and step.thing[1] in buckets
        return replace(step, kind="file, refused", status=403) if is_embargoed else step
