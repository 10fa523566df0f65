"""What Kubernetes will do, foretold by its own rules: rollouts, scale-downs and drains; pure."""

from nodebynode.model.drain import Drain, Moment, Outcome, drain
from nodebynode.model.guests import App, DisruptionBudget, Flags, Owner
from nodebynode.model.reach import unreachable
from nodebynode.model.rollout import Plan, Rollout, Step, roll_out
from nodebynode.model.victims import Rule, Victim, Victims, victims

__all__ = [
    "App",
    "DisruptionBudget",
    "Drain",
    "Flags",
    "Moment",
    "Outcome",
    "Owner",
    "Plan",
    "Rollout",
    "Rule",
    "Step",
    "Victim",
    "Victims",
    "drain",
    "roll_out",
    "unreachable",
    "victims",
]
