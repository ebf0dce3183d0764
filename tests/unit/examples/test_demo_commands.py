"""The demo's instance: an operator can run its commands from another shell."""

import subprocess
import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[3] / "examples"))

from demo.processes import write_command  # noqa: E402 - the folder has to be on the path first


def test_the_command_of_the_demo_sets_its_environment_and_passes_arguments(tmp_path):
    """What `--serve` prints can be pasted into a shell that knows nothing of the demo."""
    script = tmp_path / "invenio"
    hosts = "[{'host': '127.0.0.1', 'port': 9200}]"
    write_command(script, Path("/usr/bin/env"), {"INVENIO_SEARCH_HOSTS": hosts})
    command = [script, "sh", "-c", 'echo "$INVENIO_SEARCH_HOSTS $1"', "sh", "two words"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, env={"PATH": "/usr/bin:/bin"})
    assert done.stdout == f"{hosts} two words\n"
