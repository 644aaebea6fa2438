"""The paper's comparison: one recipe, one source, many ways to normalize, several seeds.

`variants` names what is compared, `run` trains and tests, `report` makes tables of it, `plot` a picture.
"""

from snr_keras.ablation.plot import save_ablation_plot
from snr_keras.ablation.report import as_csv, as_latex, as_table, summary, width_of
from snr_keras.ablation.run import Ablation, Domain, ablate
from snr_keras.ablation.variants import VARIANTS, Variant, find_variants

__all__ = [
    "VARIANTS",
    "Ablation",
    "Domain",
    "Variant",
    "ablate",
    "as_csv",
    "as_latex",
    "as_table",
    "find_variants",
    "save_ablation_plot",
    "summary",
    "width_of",
]
