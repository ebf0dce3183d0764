"""Ask questions with `invenio stats query`, all of them in one process.

Reads `questions.json` in the instance's folder, a list of the arguments of each, and writes `answers.json`: what the
command prints for people, and the numbers.
"""

import json
from pathlib import Path

from flask import current_app
from instance import create_app

from invenio_stats.cli import stats


def main() -> None:
    """Ask all."""
    app = create_app()
    runner = app.test_cli_runner()
    with app.app_context():
        folder = Path(current_app.instance_path)
    answers = []
    for arguments in json.loads((folder / "questions.json").read_text()):
        table, numbers = (runner.invoke(stats, ["query", *arguments, *more]) for more in ([], ["--json"]))
        failed = next((done for done in (table, numbers) if done.exit_code), None)
        answers.append(
            {"error": failed.output} if failed else {"table": table.stdout, "answer": json.loads(numbers.stdout)}
        )
    (folder / "answers.json").write_text(json.dumps(answers))


if __name__ == "__main__":
    main()
