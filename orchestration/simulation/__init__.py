"""Synthetic landing files with known truth.

Writes files only: reading, judging and joining them is what the truth is there to check, so nothing of
that is done or imported here.
"""

from orchestration.simulation.simulator import SimulationOptions, simulate
from orchestration.simulation.truth import MessageTruth, TableTruth, Truth, read_truth

__all__ = ["MessageTruth", "SimulationOptions", "TableTruth", "Truth", "read_truth", "simulate"]
