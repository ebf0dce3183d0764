"""Commands that save statistics: `invenio stats export` and `import`."""

import json
import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path

import click
from flask.cli import with_appcontext
from flask_babel import gettext as _
from invenio_search import current_search_client
from invenio_search.engine import search

from invenio_stats.cli.options import as_json, check_range, dry_run, from_option, to_option, types_argument
from invenio_stats.cli.progress import bar
from invenio_stats.errors import StatsError
from invenio_stats.operations.archive.export import export, summary
from invenio_stats.operations.archive.manifest import KINDS
from invenio_stats.operations.archive.restore import read_verified, restore
from invenio_stats.operations.inventory import known_event_types

logger = logging.getLogger(__name__)

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
    """Save raw events and totals of EVENT_TYPES (all, unless some are named) to DIR.

    An export that was interrupted goes on where it stopped. It holds personal data as the raw events do.
    """
    check_range(first, last)
    with _explain_errors(), bar(_("Exporting"), as_json) as shown:
        written = export(current_search_client, folder, list(event_types), first, last, shown)
    found = summary(written)
    if as_json:
        click.echo(json.dumps(found, indent=2))
        return
    for kind in KINDS:
        if found[kind]["files"]:
            line = _("%(documents)s documents in %(files)s files, %(bytes)s bytes", **found[kind])
            click.secho(f"{kind}: {line}", fg="green")
    if not written.files:
        click.echo(_("There is nothing to export."))


@click.command("import")
@folder
@dry_run
@as_json
@with_appcontext
def import_command(folder: Path, dry_run: bool, as_json: bool) -> None:
    """Bring what DIR holds back into the search engine; what is there and not older stays.

    Nothing is written before all files were compared with their checksums. Doing it twice does it once.
    """
    with _explain_errors():
        with bar(_("Verifying"), as_json) as shown:
            manifest = read_verified(folder, shown)
        with bar(_("Importing"), as_json) as shown:
            outcomes = restore(current_search_client, folder, manifest, dry_run, shown)
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
    """Turn what may go wrong into a message and exit code 1; the same command can be run again."""
    try:
        yield
    except (StatsError, OSError) as error:
        raise click.ClickException(str(error)) from error
    except (search.exceptions.TransportError, search.helpers.ScanError) as error:
        logger.exception("The search engine stopped an export or import")
        raise click.ClickException(
            _("The search engine answered %(error)s. Run the command again: it goes on.", error=type(error).__name__)
        ) from error
