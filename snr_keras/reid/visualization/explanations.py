"""What each kind of picture shows and how to read it, in plain words."""

GALLERY = "worst queries first: right in green, wrong in red"
WORST = (
    "The queries with the lowest average precision, the worst first. On the left the query, with its average "
    "precision and the rank of the first right image; then the ten images that the model holds most alike. A green "
    "frame is the same person, a red one somebody else; numbers are rank and identity. Look for what the wrong ones "
    "have in common with the query: clothes, background, light, pose."
)
MAPS = (
    "An image a row, and on it how active the stage is where: the mean of the absolute values over all channels. F is "
    "what the stage puts out, F~ is F with its style normalized away, F~+ has back what tells people apart and goes on "
    "to the next stage, F~- has instead the rest. The maps of a row are in one scale, beside them, so that bright in "
    "one means more than dark in another; rows are not to be compared by colour."
)
TSNE = (
    "Each dot is an image; those that the network holds alike lie near each other. Left: colours are domains. Dots "
    "sorted by colour mean that the style of the domain is still in the numbers; mixed colours, that it is gone. "
    "Right: colours are people, and shapes are domains. Dots of one person together mean that the person is "
    "recognized. From top to bottom: before SNR, after it where there is one, and the embedding that retrieval "
    "compares. Only neighbourhood means something: not the axes, nor the size of a gap, nor that of a heap."
)
GATES = (
    "SNR takes the style out of every channel and gives a part of it back: all at 1, nothing at 0. A panel a stage; in "
    "it a curve a domain, the mean over its images, and around it a band of one standard deviation. Curves apart mean "
    "that a domain is treated in its own way; wide bands, that images are."
)
CMC = (
    "How many of the queries have a right image among the first k, for k from 1 on: the higher the better, and what "
    "matters most is on the left."
)
