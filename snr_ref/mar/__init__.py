"""MAR, the paper's method of adaptation to an unlabeled domain: multilabels, mining, losses, one step."""
