"""What the benchmarks measure unless told otherwise."""

#: Queries and gallery images of Market-1501, and the width of its ResNet-50's features.
MARKET = (3368, 19732, 2048)

#: What is measured: from distances, from embeddings, and re-ranking from embeddings.
TASKS = ("distances", "embeddings", "re_ranking")
