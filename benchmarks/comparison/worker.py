"""Worker: runs the stages with whichever `invenio_stats` its interpreter has, as `comparison.run` commands."""

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
    "message_bytes": processing.message_bytes,
    "aggregate": processing.aggregate,
    "totals": processing.totals,
    "ask": asking.ask,
}

if __name__ == "__main__":
    serve(COMMANDS)
