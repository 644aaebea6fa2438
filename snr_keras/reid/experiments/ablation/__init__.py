"""The paper's comparison: one recipe, one source, many normalizations, several seeds.

`variants` names what is compared, `run` trains and tests, `report` makes tables, `plot` a picture.
"""

from snr_keras.reid.experiments.ablation.plot import save_ablation_plot
from snr_keras.reid.experiments.ablation.report import (
    as_csv,
    as_latex,
    as_table,
    differences_to_snr,
    results_of,
    steps_table,
    summary,
    width_of,
    write_reports,
)
from snr_keras.reid.experiments.ablation.run import Ablation, Domain, ablate
from snr_keras.reid.settings.variants import VARIANTS, Variant, find_variants

__all__ = [
    "VARIANTS",
    "Ablation",
    "Domain",
    "Variant",
    "ablate",
    "as_csv",
    "as_latex",
    "as_table",
    "differences_to_snr",
    "find_variants",
    "results_of",
    "save_ablation_plot",
    "steps_table",
    "summary",
    "width_of",
    "write_reports",
]
