"""MAR, the adaptation to an unlabeled domain that the paper plugs SNR into: multilabels, mining, losses, one step."""
