"""The settings of an adaptation are known without the reference, whose defaults they are."""

from snr_keras.reid.settings.adaptation import AdaptationConfig
from snr_ref.mar.step import MAR_WEIGHTS


def test_the_losses_have_the_weights_of_mar_but_for_consistency() -> None:
    weights = AdaptationConfig().loss_weights
    assert weights == MAR_WEIGHTS._replace(consistency=weights.consistency)
