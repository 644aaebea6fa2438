"""The defaults of the benchmarks."""

#: Number of queries and gallery images of Market-1501, and the width of its ResNet-50's features.
MARKET = (3368, 19732, 2048)

#: The tasks: scores from distances, scores from embeddings, and re-ranking from embeddings.
TASKS = ("distances", "embeddings", "re_ranking")
