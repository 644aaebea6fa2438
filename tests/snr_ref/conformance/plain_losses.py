"""The loss half of the specification written down once more: pair by pair, in the dtype of the input.

Nothing here comes from the reference.

`Careful` keeps the conventions at zero and the range of float32; `Naive` is what one writes first.
"""

from __future__ import annotations

from typing import Any

import numpy as np


class Careful:
    """Loops over images and pairs."""

    dtypes = ("float64", "float32")

    def length(self, v: np.ndarray) -> Any:
        largest = np.abs(v).max()
        return largest * np.sqrt(np.sum((v / largest) ** 2)) if largest else v.dtype.type(0)

    def direction(self, v: np.ndarray) -> np.ndarray:
        largest = np.abs(v).max()
        return v / largest / self.length(v / largest) if largest else v

    def d_cosine(self, x: np.ndarray, y: np.ndarray) -> Any:
        if np.array_equal(x, y):
            return x.dtype.type(0)
        return np.clip((1 - np.dot(self.direction(x), self.direction(y))) / 2, 0, 1)

    def d_euclidean(self, x: np.ndarray, y: np.ndarray) -> Any:
        return self.length(x - y)

    def softplus(self, x: Any) -> Any:
        return np.maximum(x, 0) + np.log1p(np.exp(-np.abs(x)))

    def log_softmax(self, row: np.ndarray) -> np.ndarray:
        shifted = row - row.max()
        return shifted - np.log(np.exp(shifted).sum())

    def cosine_distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.array([[self.d_cosine(row, other) for other in y] for row in x])

    def euclidean_distance(self, x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return np.array([[self.d_euclidean(row, other) for other in y] for row in x])

    def dual_causality_loss(self, f_tilde, f_plus, f_minus, labels, *, distance=None, triplets=None):
        distance = distance or self.cosine_distance
        t, p, m = distance(f_tilde, f_tilde), distance(f_plus, f_plus), distance(f_minus, f_minus)
        n = len(labels)
        if triplets is not None:
            plus = [self.softplus(p[a, b] - t[a, b]) + self.softplus(t[a, c] - p[a, c]) for a, b, c in triplets]
            minus = [self.softplus(t[a, b] - m[a, b]) + self.softplus(m[a, c] - t[a, c]) for a, b, c in triplets]
            return self.mean(plus, t), self.mean(minus, t)

        def over(left, right, same):
            rows = [
                [self.softplus(left[a, b] - right[a, b]) for b in range(n) if self.is_pair(labels, a, b, same)]
                for a in range(n)
            ]
            return self.over_anchors([row for row in rows if row], t)

        return over(p, t, True) + over(t, p, False), over(t, m, True) + over(m, t, False)

    def is_pair(self, labels, a, b, same):
        return a != b and (labels[a] == labels[b]) == same

    def over_anchors(self, rows, like):
        return self.mean([self.mean(row, like) for row in rows], like)

    def cross_entropy(self, logits, labels, *, label_smoothing=0.1):
        losses = []
        for row, label in zip(logits, labels, strict=True):
            q = self.targets(np.arange(len(row)) == label, row.dtype.type(label_smoothing))
            losses.append(-np.sum(q * self.log_softmax(row), dtype=row.dtype))
        return self.mean(losses, logits)

    def targets(self, one_hot, s):
        return (1 - s) * one_hot.astype(s.dtype) + s / len(one_hot)

    def batch_hard_triplet_loss(self, features, labels, *, margin=0.3):
        differences = [d_ap - d_an for _, _, _, d_ap, d_an in self.hardest(features, labels)]
        if margin == "soft":
            return self.mean([self.softplus(difference) for difference in differences], features)
        hinges = [np.maximum(difference + features.dtype.type(margin), 0) for difference in differences]
        return self.over_triplets(hinges, features)

    def over_triplets(self, hinges, like):
        return self.mean(hinges, like)

    def hardest(self, features, labels):
        d = self.euclidean_distance(features, features)
        for a, label in enumerate(labels):
            positives = [b for b in range(len(labels)) if labels[b] == label and b != a]
            negatives = [b for b in range(len(labels)) if labels[b] != label]
            if positives and negatives:
                p, n = self.largest(positives, d[a]), self.largest(negatives, -d[a])
                yield a, p, n, d[a, p], d[a, n]

    def largest(self, candidates, row):
        return max(candidates, key=lambda b: row[b])

    def total_objective(self, reid_loss, dual_causality_losses, weights):
        for loss, weight in zip(dual_causality_losses, weights, strict=True):
            reid_loss = reid_loss + weight * loss
        return reid_loss

    def snr(self, F, params):
        dtype = F.dtype.type
        axes = tuple(range(1, F.ndim - 1))
        mu = F.mean(axes, keepdims=True)
        centred = F - mu
        F_tilde = params.gamma * centred / np.sqrt((centred**2).mean(axes, keepdims=True) + dtype(1e-5)) + params.beta
        R = F - F_tilde
        a = 1 / (1 + np.exp(-np.maximum(R.mean(axes) @ params.w1, 0) @ params.w2))
        gate = a.reshape(len(F), *(1,) * len(axes), -1)
        F_plus, F_minus = F_tilde + gate * R, F_tilde + (1 - gate) * R
        return {"f_tilde": self.f_tilde(F_tilde, params), "f_plus": F_plus.mean(axes), "f_minus": F_minus.mean(axes)}

    def f_tilde(self, F_tilde, params):
        return np.tile(params.beta, (len(F_tilde), 1))

    def cosine_gradient(self, x, y):
        """In x."""
        u, v, length = self.direction(x), self.direction(y), self.length(x)
        return -(v - np.dot(u, v) * u) / (2 * length) if length else np.zeros_like(x)

    def euclidean_gradient(self, x, y):
        return self.direction(x - y)

    def cosine_distance_vjp(self, x, y, grad_d):
        return self.vjp(self.cosine_gradient, x, y, grad_d)

    def euclidean_distance_vjp(self, x, y, grad_d):
        return self.vjp(self.euclidean_gradient, x, y, grad_d)

    def vjp(self, gradient, x, y, grad_d):
        grad_x, grad_y = np.zeros_like(x), np.zeros_like(y)
        for n, m in np.ndindex(grad_d.shape):
            grad_x[n] += grad_d[n, m] * gradient(x[n], y[m])
            grad_y[m] += grad_d[n, m] * gradient(y[m], x[n])
        return grad_x, grad_y

    def dual_causality_gradients(self, f_tilde, f_plus, f_minus, labels, *, distance=None, triplets=None):
        distance = distance or self.cosine_distance
        gradient = self.euclidean_gradient if distance == self.euclidean_distance else self.cosine_gradient
        t, p, m = distance(f_tilde, f_tilde), distance(f_plus, f_plus), distance(f_minus, f_minus)
        w_plus, w_minus = np.zeros_like(t), np.zeros_like(t)
        for a, b, sign, share in self.pairs(labels, triplets):
            w_plus[a, b] += sign * t.dtype.type(share) * self.sigmoid(sign * (p[a, b] - t[a, b]))
            w_minus[a, b] += sign * t.dtype.type(share) * self.sigmoid(sign * (t[a, b] - m[a, b]))
        together = [
            self.vjp(gradient, f, f, w) for f, w in ((f_tilde, w_minus - w_plus), (f_plus, w_plus), (f_minus, -w_minus))
        ]
        return tuple(as_x + as_y for as_x, as_y in together)

    def pairs(self, labels, triplets):
        """(a, b, 1 for a positive and -1 for a negative, how probable)."""
        if triplets is not None:
            for a, p, n in triplets:
                yield a, p, 1, 1 / len(triplets)
                yield a, n, -1, 1 / len(triplets)
            return
        for sign in (1, -1):
            examples = {
                a: [b for b in range(len(labels)) if b != a and (labels[a] == labels[b]) == (sign == 1)]
                for a in range(len(labels))
            }
            anchors = [a for a in examples if examples[a]]
            for a in anchors:
                for b in examples[a]:
                    yield a, b, sign, 1 / (len(anchors) * len(examples[a]))

    def sigmoid(self, x):
        return np.exp(-self.softplus(-x))

    def cross_entropy_gradient(self, logits, labels, *, label_smoothing=0.1):
        s = logits.dtype.type(label_smoothing)
        exponentials = np.exp(logits - logits.max(1, keepdims=True))
        gradient = exponentials / exponentials.sum(1, keepdims=True) - s / logits.dtype.type(logits.shape[1])
        gradient[np.arange(len(labels)), labels] -= 1 - s
        return gradient / logits.dtype.type(len(logits))

    def batch_hard_triplet_gradient(self, features, labels, *, margin=0.3):
        gradient = np.zeros_like(features)
        anchors = list(self.hardest(features, labels))
        for a, p, n, d_ap, d_an in anchors:
            slope = (
                self.sigmoid(d_ap - d_an)
                if margin == "soft"
                else self.is_active(d_ap - d_an + features.dtype.type(margin))
            )
            share = features.dtype.type(slope) / len(anchors)
            for other, sign in ((p, 1), (n, -1)):
                gradient[a] += sign * share * self.direction(features[a] - features[other])
                gradient[other] -= sign * share * self.direction(features[a] - features[other])
        return gradient

    def is_active(self, hinge):
        return hinge > 0

    def evaluate_retrieval(
        self,
        distances,
        query_ids,
        gallery_ids,
        query_cameras=None,
        gallery_cameras=None,
        *,
        max_rank=50,
        protocol="market1501",
    ):
        curves, precisions, penalties = [], [], []
        for q, row in enumerate(distances):

            def is_junk(g, q=q):
                same_camera = protocol == "market1501" and gallery_cameras[g] == query_cameras[q]
                return self.is_junk(gallery_ids[g], gallery_ids[g] == query_ids[q], same_camera)

            kept = [g for g in self.ranking(row) if not is_junk(g)]
            ranks = [rank for rank, g in enumerate(kept, 1) if gallery_ids[g] == query_ids[q]]
            if ranks:
                curves.append([float(rank >= ranks[0]) for rank in range(1, max_rank + 1)])
                precisions.append(self.average_precision(ranks, row))
                penalties.append(self.inverse_penalty(ranks, row))
        queries = self.queries(distances, curves)
        cmc = np.array(curves, distances.dtype).sum(0) / distances.dtype.type(queries)
        found = distances.dtype.type(len(curves) / queries)
        return cmc, found * self.mean(precisions, distances), found * self.mean(penalties, distances), queries

    def ranking(self, row):
        return sorted(range(len(row)), key=lambda g: row[g])

    def is_junk(self, identity, same_identity, same_camera):
        return identity == -1 or (same_identity and same_camera)

    def average_precision(self, ranks, row):
        return self.mean([row.dtype.type(i) / rank for i, rank in enumerate(ranks, 1)], row)

    def inverse_penalty(self, ranks, row):
        return row.dtype.type(len(ranks)) / ranks[-1]

    def queries(self, distances, curves):
        return len(curves)

    def mean(self, numbers, like: np.ndarray) -> Any:
        """One number after the other, in the dtype."""
        total = like.dtype.type(0)
        for number in numbers:
            total = like.dtype.type(total + number)
        return like.dtype.type(total / max(1, len(numbers)))


class Naive(Careful):
    """Squares that overflow, and no rule for equal rows."""

    def length(self, v: np.ndarray) -> Any:
        return np.sqrt(np.sum(v**2))

    def direction(self, v: np.ndarray) -> np.ndarray:
        length = self.length(v)
        return v / length if length else v

    def d_cosine(self, x: np.ndarray, y: np.ndarray) -> Any:
        lengths = self.length(x) * self.length(y)
        return (1 - np.dot(x, y) / lengths) / 2 if lengths else x.dtype.type(0.5)
