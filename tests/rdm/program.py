"""A process of the instance under test, for what is no web request: it reads orders as lines of JSON, and answers.

It runs as a script, so that it knows neither this checkout nor the release of invenio-stats: PYTHONPATH says which.
"""

import json
import os
import sys
import traceback

from invenio_app.factory import create_api

app = create_api(CELERY_TASK_ALWAYS_EAGER=True, CELERY_TASK_EAGER_PROPAGATES=True)


def release():
    """Return which invenio-stats this is."""
    from importlib.metadata import version

    return version("invenio-stats")


def set_up(folder):
    """Make data base, indices, queues and a place for files, as the documentation of InvenioRDM says."""
    from invenio_db.cli import db
    from invenio_files_rest.cli import files
    from invenio_queues.cli import queues
    from invenio_search.cli import index

    for command, arguments in (
        (db, ["create"]),
        (index, ["init"]),
        (queues, ["declare"]),
        (files, ["location", "create", "--default", "default-location", folder]),
    ):
        result = app.test_cli_runner().invoke(command, arguments)
        assert result.exit_code == 0, (arguments, result.output, result.exception)


def put_templates():
    """Place the index templates of this release, as docs/upgrading says."""
    from invenio_search import current_search

    return [len(list(current_search.put_templates())), len(list(current_search.put_index_templates()))]


def create_records():
    """Return the ids of what was made."""
    from records import create_all

    return create_all()


def beat(name):
    """Run an entry of the instance's own schedule, as a worker would; return what its task returns."""
    from celery import current_app as celery
    from records import refresh

    entry = app.config["CELERY_BEAT_SCHEDULE"][name]
    result = celery.tasks[entry["task"]].apply(args=entry.get("args", ()), kwargs=entry.get("kwargs", {})).get()
    refresh()
    return result


def reindex():
    """Bring changed numbers into the records' index; only this task keeps a bookmark of its own."""
    from invenio_rdm_records.proxies import current_rdm_records_service as service
    from records import refresh

    refresh()
    beat("reindex-stats")
    service.indexer.process_bulk_queue()
    refresh()


def stats(*arguments):
    """Run `invenio stats ...`; return its exit code and output."""
    from invenio_stats.cli import stats

    result = app.test_cli_runner().invoke(stats, list(arguments))
    return [result.exit_code, result.stdout if result.exit_code == 0 else f"{result.output}{result.exception!r}"]


def publish(event_type, recid, file, visits):
    """Publish events of other days, as the instance's builders make them: `visits` are a timestamp and an address."""
    from invenio_access.permissions import system_identity
    from invenio_rdm_records.proxies import current_rdm_records_service as service
    from werkzeug.utils import import_string

    from invenio_stats import current_stats

    builders = [import_string(import_name) for import_name in app.config["STATS_EVENTS"][event_type]["event_builders"]]
    with_file = {"obj": service.files.get_file_content(system_identity, recid, file)._file.object_version}
    about = {"record": service.record_cls.pid.resolve(recid), **(with_file if event_type == "file-download" else {})}
    events = []
    for timestamp, address in visits:
        visitor = {"REMOTE_ADDR": address, "HTTP_USER_AGENT": os.environ["RDM_AGENT"]}
        with app.test_request_context(environ_base=visitor):
            event = {}
            for builder in builders:
                event = builder(event, app, via_api=False, **about)
        events.append({**event, "timestamp": timestamp})
    current_stats.publish(event_type, events)


def usage(order, *arguments):
    """Make what questions about usage are asked about: an order of `usage_orders`."""
    import usage_orders

    return getattr(usage_orders, order)(*arguments)


def access(order, *arguments):
    """Ask who may read, own and manage what: an order of `access_orders`."""
    import access_orders

    return getattr(access_orders, order)(*arguments)


ORDERS = {order.__name__: order for order in (
    release, set_up, put_templates, create_records, beat, reindex, stats, publish, access, usage,
)}  # fmt: skip


def main():
    """Answer orders until there are no more."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # whatever else prints, prints to the log
    with app.app_context():
        print(json.dumps({"result": "ready"}), file=answers, flush=True)
        for line in sys.stdin:
            name, *arguments = json.loads(line)
            try:
                answer = {"result": ORDERS[name](*arguments)}
            except Exception:
                answer = {"error": traceback.format_exc()}
            print(json.dumps(answer, default=str), file=answers, flush=True)


if __name__ == "__main__":
    main()
