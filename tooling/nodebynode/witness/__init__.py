"""The witness: a bounded load on a Service, and who lost what, when and why."""

from nodebynode.witness.attribution import Loss
from nodebynode.witness.calibration import Calibration, calibrate
from nodebynode.witness.plan import Plan
from nodebynode.witness.report import Gap, Report, explain
from nodebynode.witness.suspicion import Cause
from nodebynode.witness.traffic import Request, Stall, Traffic
from nodebynode.witness.witness import Witness

__all__ = [
    "Calibration",
    "Cause",
    "Gap",
    "Loss",
    "Plan",
    "Report",
    "Request",
    "Stall",
    "Traffic",
    "Witness",
    "calibrate",
    "explain",
]
