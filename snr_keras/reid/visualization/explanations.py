"""The explanation of each kind of picture, and how to read it, in plain words."""

GALLERY = "worst queries first: right in green, wrong in red"
WORST = (
    "The queries with the lowest average precision, the worst first. On the left is the query, with its average "
    "precision and the rank of the first right image; then the ten images that the model ranks nearest. A green "
    "frame is the same person, a red one somebody else; numbers are rank and identity. Look for what the wrong ones "
    "have in common with the query: clothes, background, light, pose."
)
MAPS = (
    "One row per image shows how active the stage is at each place: the mean of the absolute values over all channels. "
    "F is the output of the stage, F~ is F with its style normalized away. F~+ has what distinguishes people restored "
    "and goes to the next stage; F~- has the rest instead. The maps of a row share one scale, shown beside them, so "
    "that brighter means more; colours of different rows cannot be compared."
)
TSNE = (
    "Each dot is an image; images that the network finds alike are near each other. Left: colours are domains. Dots "
    "sorted by colour mean that the features still have the style of the domain; mixed colours mean that it is gone. "
    "Right: colours are people, and shapes are domains. Dots of one person close together mean that the person is "
    "recognized. From top to bottom: before SNR, after it where there is one, and the embedding that retrieval "
    "compares. Only neighbourhood has a meaning: not the axes, the size of a gap, or the size of a cluster."
)
GATES = (
    "SNR removes the style of every channel and restores a part of it: all at 1, nothing at 0. There is one panel per "
    "stage and one curve per domain, the mean over its images, with a band of one standard deviation. Separate curves "
    "mean that a domain is treated in its own way; wide bands, that images are. A hidden unit of the gate that is "
    "always off adds nothing and learns nothing; one that is always on is linear; the others depend on the image."
)
CMC = (
    "The fraction of the queries with a right image in the top k, for k from 1: higher is better, and the left end "
    "matters most."
)
