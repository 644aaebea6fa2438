"""The numbered clauses of the specification, in the order of the docs: what a conformance case can pin."""

from __future__ import annotations

#: Changes by the rule on the docs' page on versions: if a number that some case pins differs, the major version grows.
SPECIFICATION_VERSION = "1.3"

#: Clause -> what it requires, in a sentence.
CLAUSES: dict[str, str] = {
    "1.1": "mu and var are taken per image and channel over the spatial axes; var is biased",
    "1.2": "F~ = gamma (F - mu) / sigma + beta with sigma = sqrt(var + epsilon), epsilon = 1e-5 by default (eq. 1)",
    "1.3": "R = F - F~ (eq. 2)",
    "1.4": "a = Sigmoid(W2 ReLU(W1 Pool_avg(R))), with biases where there are any (eq. 3)",
    "1.5": "R+ = a R and R- = (1 - a) R (eq. 4)",
    "1.6": "F~+ = F~ + R+ and F~- = F~ + R- (eq. 5)",
    "1.7": "any number of spatial axes from one, any number of images, channels last",
    "2.1": "f~ is beta for every image; f~+ and f~- are the means of F~+ and F~- over the pixels",
    "2.2": "the cosine distance is 0.5 - x.y / (2 |x| |y|), in [0, 1]; d(x, x) = 0, d(0, y) = 0.5",
    "2.3": "the Euclidean distance is |x - y|, unsquared",
    "2.4": "L+ = Softplus(d+_ap - d~_ap) + Softplus(d~_an - d+_an)",
    "2.5": "L- = Softplus(d~_ap - d-_ap) + Softplus(d-_an - d~_an)",
    "2.6": "without triplets, each term is a mean over an anchor's examples, then over the anchors that have any; "
    "a term without anchors is 0",
    "2.7": "with explicit triplets, each term is a mean over those",
    "2.8": "the collapse: with f~ = beta, every distance between two f~ is 0",
    "3.1": "cross-entropy with targets (1 - s) onehot + s / K, a mean over the rows",
    "3.2": "batch-hard triplet loss: farthest positive, nearest negative, anchors that lack either left out",
    "3.3": "the margin is a hinge, or Softplus when it is soft",
    "3.4": "L = L_ReID + sum of lambda_b L_SNR^b",
    "4.1": "F~+ is an affine map of F per image and channel, given mu and sigma; f~, f~+ and f~- follow from mu alone",
    "4.2": "f~+ + f~- = beta + mu and F~+ + F~- = F + F~",
    "5.1": "the gradients of F and the parameters, from those of F~+ and the embeddings",
    "5.2": "the gradients of the channel attention and of the instance norm",
    "5.3": "the gradients of the distances and of L_SNR; 0 at a zero vector, and of the Euclidean distance at x = y",
    "5.4": "the gradients of the cross-entropy and of the batch-hard triplet loss, whose ties give it to the lowest "
    "index",
    "5.5": "relu'(0) = 0, and gamma gets exactly 0 from the embeddings",
    "6.1": "statistics survive |mu| >> sigma",
    "6.2": "a constant channel and a 1x1 map are legal: F~ = beta there, gradients are finite",
    "6.3": "NaN or Inf in an image gives NaN in that image (f~ may stay beta), and does not affect the others",
    "6.4": "sigmoid, softplus and log-softmax neither overflow nor lose their small values",
    "6.5": "with maps in half precision, statistics, attention and embeddings are computed in float32",
    "6.6": "arguments outside a function's domain are refused: a wrong type or rank, no pixel or row, shapes that do "
    "not fit each other, values out of range",
    "7.1": "junk is left out of a ranking: identity -1, and the query's identity in the query's camera",
    "7.2": "AP is the mean over the matches of the precision at their rank, not trapezoidal",
    "7.3": "CMC is 1 from the rank of the first match on; queries without a match count nowhere",
    "7.4": "mINP is the mean of the number of matches over the rank of the last",
    "7.5": "among equal distances the lower gallery index comes first",
    "7.6": "without camera labels nothing is junk but identity -1",
    "7.7": "identity 0 is a distractor: it is ranked, and matches nobody",
    "7.8": "single gallery shot: CMC is the expectation over galleries of one image of each identity, drawn uniformly "
    "and independently, and all distractors; mAP and mINP are over the whole gallery",
    "7.9": "the threshold of a false-positive rate is the largest distance of a pair, or infinity, with at most that "
    "fraction of the pairs of two persons below it; the true-positive rate is that of the pairs of one below it",
    "7.10": "the equal-error threshold is the smallest distance of a pair, or infinity, with at least as large a "
    "fraction of the pairs of two persons below it as of the pairs of one not below it; the rate is their mean",
    "7.11": "the histograms have 128 equal bins from the smallest distance of a pair to the largest; an edge belongs "
    "to the bin above it, but the last",
    "7.12": "re-ranking: (1 - lambda) d_J + lambda d, of squared Euclidean distances over each image's largest, with "
    "N(p, k) the k + 1 nearest, p among them",
    "7.13": "R(p, k1) is extended by R(q, k1 / 2), k1 / 2 rounded to even, of each q in it if more than two thirds of "
    "that are in it",
    "7.14": "encodings are exp(-d) over their sum, and are averaged over the k2 nearest, the image itself among them",
    "7.15": "among equal distances the lower index is the nearer neighbour",
    "8.1": "the entropy h = -sum of p log p, p = softmax(f W + b), of one classifier for all three kinds of features, "
    "in nats, no class left out",
    "8.2": "L+ = Softplus(H(f~+) - H(f~)) and L- = Softplus(H(f~) - H(f~-)), with H the mean of h over the images",
    "8.3": "per pixel, L+ and L- are means over all pixels of Softplus of the same differences of h, each pixel with "
    "itself",
    "8.4": "the gradients of the dual restitution loss, of images and per pixel, in the features and the classifier",
    "9.1": "the direction of a row is x / |x|, however long x is; the zero vector stays zero, and its gradient is 0",
    "9.2": "log y = log softmax(scale f A^T), the scale 30 unless it is given, and the gradient of f alone",
    "9.3": "the agreement of two multilabels is 1 - |x - y|_1 / 2",
    "9.4": "the place in order is max(1, floor(ratio T)) of T pairs, the ratio 0.005 unless it is given; the threshold "
    "is the agreement at that place from the top, and moves by a tenth, or the given rate, to that of each batch",
    "9.5": "the memory of an image is its multilabel at the first visit, and 0.9 old + 0.1 new, or by the given rate, "
    "at a later one; the rows of other images stay as they are",
    "9.6": "as many pairs of images as 9.4 says, the nearest, are mined; among equal distances that with the lower "
    "indices is nearer; they are positive where the agreement is above the threshold, not at it, else hard negatives",
    "9.7": "L_MDL = -log(P / (P + N)), of means of exp(-|f_i - f_j|^2); without positives P = 1, without hard "
    "negatives N = 0.5",
    "9.8": "the mean and the standard deviation, over n - 1, of log y in each view that has at least two images; the "
    "running ones move by the given rate to their means over these views, and stay where there is none",
    "9.9": "L_CML is the mean over these views, and over mean and standard deviation, of the squared distance to the "
    "running one; 0 where there is no such view",
    "9.10": "an agent is hard for an image if it is not its own and f . a > 1 - margin / 2; at the edge it is not",
    "9.11": "L_RJ is the mean of the terms of all images: |f - a_own|^2 of each source image, and of each image "
    "that has hard agents the mean of max(0, margin - |f - a|^2) over these; 0 without any",
    "9.12": "the gradients of L_MDL, L_CML and L_RJ, in the features or log y alone; a standard deviation of 0 gives "
    "none",
}


def in_order(clause: str) -> tuple[int, ...]:
    """The sort key that orders clauses as the specification does: 7.9 before 7.10."""
    return tuple(int(number) for number in clause.split("."))
