"""Two workers at once, at single engine operations, with faults anywhere: what counts is what the oracle says."""
from datetime import timedelta
import time
import pytest
from invenio_stats.search.cells import CellWriter
from tests.fixtures.clicks import MIDNIGHT, NOON, day_index, make_click
from tests.unit.interleavings import Explorer, Faults

def at(*seconds, start=NOON, **options):
    return [make_click(start + timedelta(seconds=one), **options) for one in seconds]

def make(client, clock): return CellWriter(client, 30, day_index, clock)

S = {
 "adjacent": [[at(10)],[at(35)]],
 "samecell": [[at(5)],[at(20)]],
 "chain": [[at(10,60)],[at(35)]],
 "mergechain": [[at(1,58)],[at(29)]],
 "dup": [[at(10,35)],[at(35,10)]],
 "two batches": [[at(10),at(35)],[at(35),at(10)]],
 "ghost": [[at(-10,start=MIDNIGHT)],[at(10,start=MIDNIGHT)]],
}
if __name__=="__main__":
    for name, b in S.items():
        for f in (Faults(), Faults(1,0), Faults(1,1)):
            e=Explorer(make); t=time.time()
            n=e.explore(b,f); print(name,f,n,e.ends,round(time.time()-t,2), flush=True)
