"""Where results live: one folder a stage, one record an output, written last.

    stages/ab/abcd…/record.json            present = complete
    stages/ab/abcd…/attempts/3/…           each attempt writes in a folder of its own
    stages/ab/abcd…/leases/3.json          who holds it; the number is the fencing token
    jobs/exp_…/1/{request,events,control}  how job and control plane speak
    sweeps/sw_…/…                          which trials were scored at which rung, and how each ended
    leaves/…                               remembered digests of model folders and files; copies of remote ones
"""

from cftray.store.events import Event, EventLog, EventWriter
from cftray.store.files import is_remote, locate_files
from cftray.store.jobfolder import JobFolder, JobRequest
from cftray.store.layout import Store
from cftray.store.leases import FileLeases, Holder, Lease, Leases
from cftray.store.leaves import LeafDigests, locate_encoder, locate_model
from cftray.store.records import Failure, Output, Record
from cftray.store.sweepfolder import RungReached, SweepFolder, TrialEnd, TrialEnded

__all__ = [
    "Event",
    "EventLog",
    "EventWriter",
    "Failure",
    "FileLeases",
    "Holder",
    "JobFolder",
    "JobRequest",
    "LeafDigests",
    "Lease",
    "Leases",
    "Output",
    "Record",
    "RungReached",
    "Store",
    "SweepFolder",
    "TrialEnd",
    "TrialEnded",
    "is_remote",
    "locate_encoder",
    "locate_files",
    "locate_model",
]
