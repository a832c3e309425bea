"""Many subjects: the results of each on disk as every face writes them, batches of cases, worklists of readers."""

from mrbiomarkers.study.batch import BatchReport, run_cases
from mrbiomarkers.study.cases import Case
from mrbiomarkers.study.diffusion_results import write_diffusion_results
from mrbiomarkers.study.fatwater_results import write_fatwater_results, write_vendor_results
from mrbiomarkers.study.results import file_name, map_suffix, write_maps, write_status
from mrbiomarkers.study.worklist import Worklist
from mrbiomarkers.study.worklist_files import WorklistCase
from mrbiomarkers.study.worklist_state import REASONS, STATES

__all__ = [
    "REASONS",
    "STATES",
    "BatchReport",
    "Case",
    "Worklist",
    "WorklistCase",
    "file_name",
    "map_suffix",
    "run_cases",
    "write_diffusion_results",
    "write_fatwater_results",
    "write_maps",
    "write_status",
    "write_vendor_results",
]
