"""Define the command that checks reports: `invenio stats counter check`."""

import json
import sys
from pathlib import Path

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _

from invenio_stats.cli.options import as_json


@click.command("check")
@click.argument("files", nargs=-1, required=True, type=click.Path(exists=True, dir_okay=False, path_type=Path))
@as_json
@with_appcontext
def check_command(files: tuple[Path, ...], as_json: bool) -> None:
    """Check FILES by COUNTER's rules: reports as JSON, TSV or XLSX, or answers of the COUNTER API.

    The exit code is 1 if something is wrong.
    """
    findings = {str(path): _check(path) for path in files}
    if as_json:
        click.echo(json.dumps(findings, indent=2))
    else:
        _print(findings)
    sys.exit(1 if any(findings.values()) else 0)


def _check(path: Path) -> list[dict[str, str]]:
    try:
        from invenio_stats.counter.checking.files import UnknownContentError, check_file

        return [finding._asdict() for finding in check_file(path)]
    except ImportError as error:
        raise click.UsageError(
            _("%(package)s is not installed: pip install 'invenio-stats[testing]'.", package=error.name)
        ) from error
    except UnknownContentError as error:
        raise click.UsageError(
            _("%(path)s is no COUNTER report as JSON, TSV or XLSX, and no answer of the COUNTER API.", path=path)
        ) from error
    except OSError as error:
        raise click.UsageError(
            _("%(path)s cannot be read: %(error)s.", path=path, error=error.strerror or type(error).__name__)
        ) from error


def _print(findings: dict[str, list[dict[str, str]]]) -> None:
    for path, found in findings.items():
        if not found:
            click.secho(_("%(path)s: nothing is wrong.", path=path), fg="green")
            continue
        click.secho(_("%(path)s: findings: %(count)s.", path=path, count=len(found)), fg="red")
        for finding in found:
            click.echo("    {where}: {text} [{rule}]".format(**finding))
