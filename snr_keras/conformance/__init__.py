"""The connection of the layer, the losses and the evaluation to the conformance kit, on every backend of Keras."""
