"""Define the commands that save and restore statistics: `invenio stats export` and `import`."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client

from invenio_stats.cli.options import as_json, check_range, dry_run, from_option, to_option, types_argument
from invenio_stats.cli.progress import bar
from invenio_stats.cli.service_errors import explain_errors
from invenio_stats.completeness.configured import known_event_types
from invenio_stats.errors import ManifestError
from invenio_stats.operations.archive.export import export, summary
from invenio_stats.operations.archive.manifest import KINDS
from invenio_stats.operations.archive.restore import read_verified, restore

folder = click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))


@click.command("export")
@folder
@types_argument("event", known_event_types)
@from_option()
@to_option()
@as_json
@with_appcontext
def export_command(
    folder: Path, event_types: Sequence[str], first: datetime | None, last: datetime | None, as_json: bool
) -> None:
    """Save raw events and totals of EVENT_TYPES (default: all) to DIR.

    The same command continues an interrupted export. The files contain personal data like the raw events.
    """
    check_range(first, last)
    with _explain_errors(), bar(_("Exporting"), as_json) as progress:
        written = export(current_search_client, folder, list(event_types), first, last, progress)
    contents = summary(written)
    if as_json:
        click.echo(json.dumps(contents, indent=2))
        return
    for kind in KINDS:
        if contents[kind]["files"]:
            line = _("%(documents)s documents in %(files)s files, %(bytes)s bytes", **contents[kind])
            click.secho(f"{kind}: {line}", fg="green")
    if not written.files:
        click.echo(_("There is nothing to export."))


@click.command("import")
@folder
@dry_run
@as_json
@with_appcontext
def import_command(folder: Path, dry_run: bool, as_json: bool) -> None:
    """Import the export in DIR into the search engine; stored documents that are not older stay.

    All files are compared with their checksums before anything is written. Repeating an import changes nothing.
    Exit 2 if the export names an index that does not belong to this instance.
    """
    with _explain_errors():
        with bar(_("Verifying"), as_json) as progress:
            manifest = read_verified(folder, progress)
        with bar(_("Importing"), as_json) as progress:
            outcomes = restore(current_search_client, folder, manifest, dry_run, progress)
    if as_json:
        click.echo(json.dumps({"dry_run": dry_run, **outcomes}, indent=2))
    for kind, counts in outcomes.items() if not as_json else ():
        would = _("would be created, ") if dry_run else _("created, ")
        line = _("%(replaced)s replaced, %(same)s the same, %(kept)s kept, %(refused)s refused", **counts)
        click.secho(f"{kind}: {counts['created']} {would}{line}", fg="red" if counts["refused"] else "green")
    if any(counts["refused"] for counts in outcomes.values()):
        raise click.exceptions.Exit(1)


@contextmanager
def _explain_errors() -> Iterator[None]:
    """Turn errors into a message and exit code 1, so that the same command can be run again; 2 for a wrong manifest."""
    with explain_errors():
        try:
            yield
        except ManifestError as error:
            raise click.UsageError(str(error)) from error
        except OSError as error:
            raise click.ClickException(_why_no_file(error)) from error


def _why_no_file(error: OSError) -> str:
    if error.filename is None:
        return str(error)
    return _(
        "%(path)s cannot be read or written: %(reason)s. Name another directory, or mend that.",
        path=error.filename,
        reason=error.strerror,
    )
