"""Run the stages with the `invenio_stats` of this interpreter, as commanded by `comparison.run`."""

from comparison import asking, emitting, processing
from comparison.application import bench
from comparison.measuring import serve

COMMANDS = {
    "open": bench.open,
    "warm": bench.warm,
    "empty": bench.empty,
    "emit": emitting.emit,
    "archive": emitting.archive,
    "publish": emitting.publish,
    "consume": processing.consume,
    "preprocess": processing.preprocess,
    "stored": processing.stored,
    "merged": processing.merged,
    "message_bytes": processing.message_bytes,
    "aggregate": processing.aggregate,
    "totals": processing.totals,
    "ask": asking.ask,
}

if __name__ == "__main__":
    serve(COMMANDS)
