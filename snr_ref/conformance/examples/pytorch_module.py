"""SNR and its losses in plain PyTorch, equation by equation. Maps are (N, C, *S), as everywhere in PyTorch."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import log_softmax, logsigmoid, one_hot, relu


class Outputs(NamedTuple):
    """The maps of eqs. 1 to 5, (N, C, *S), and the gates and embeddings, (N, C)."""

    F_tilde: Tensor
    R: Tensor
    a: Tensor
    R_plus: Tensor
    R_minus: Tensor
    F_plus: Tensor
    F_minus: Tensor
    f_tilde: Tensor
    f_plus: Tensor
    f_minus: Tensor


class SNR(nn.Module):
    """Style normalization and restitution.

    Args:
        channels: Number of channels C.
        hidden: Hidden width C/r.
        bias: Whether the channel attention has biases; the paper's has none.
        epsilon: Number added to the variance.
    """

    def __init__(self, channels: int, hidden: int, *, bias: bool = False, epsilon: float = 1e-5):
        super().__init__()
        self.epsilon = epsilon
        self.gamma = nn.Parameter(torch.ones(channels))
        self.beta = nn.Parameter(torch.zeros(channels))
        self.fc1 = nn.Linear(channels, hidden, bias=bias)
        self.fc2 = nn.Linear(hidden, channels, bias=bias)

    def forward(self, F: Tensor) -> Outputs:
        """Eqs. 1 to 5. Maps in half precision are averaged in float32 and rounded at the end."""
        pixels = tuple(range(2, F.ndim))
        wide = F.to(self.gamma.dtype)
        F_tilde = instance_norm(wide, self.gamma, self.beta, self.epsilon)  # eq. 1
        R = wide - F_tilde  # eq. 2
        a = self.attention(R.mean(pixels))  # eq. 3
        gate = over_pixels(a, F)
        R_plus, R_minus = gate * R, (1 - gate) * R  # eq. 4
        F_plus, F_minus = F_tilde + R_plus, F_tilde + R_minus  # eq. 5
        f_tilde = self.beta.expand_as(a)  # the mean of F_tilde, without its rounding
        f_plus, f_minus = F_plus.mean(pixels), F_minus.mean(pixels)
        F_tilde, R, R_plus, R_minus, F_plus, F_minus = (
            x.to(F.dtype) for x in (F_tilde, R, R_plus, R_minus, F_plus, F_minus)
        )
        return Outputs(F_tilde, R, a, R_plus, R_minus, F_plus, F_minus, f_tilde, f_plus, f_minus)

    def attention(self, z: Tensor) -> Tensor:
        """Eq. 3: a = Sigmoid(W2 ReLU(W1 z)), with z the pooled residual, (N, C)."""
        return self.fc2(relu(self.fc1(z))).sigmoid()


def instance_norm(F: Tensor, gamma: Tensor, beta: Tensor, epsilon: float = 1e-5) -> Tensor:
    """Eq. 1: F~ = gamma (F - mu) / sigma + beta."""
    pixels = tuple(range(2, F.ndim))
    centred = F - F.mean(pixels, keepdim=True)
    sigma = (centred.square().mean(pixels, keepdim=True) + epsilon).sqrt()
    return over_pixels(gamma, F) * (centred / sigma) + over_pixels(beta, F)


def over_pixels(v: Tensor, F: Tensor) -> Tensor:
    """(N, C) or (C,) reshaped to (N, C, 1, ...) or (C, 1, ...), so that it broadcasts over the pixels of F."""
    return v.reshape(*v.shape, *[1] * (F.ndim - 2))


def cosine_distance(x: Tensor, y: Tensor) -> Tensor:
    """The paper's distance: d = 0.5 - x.y / (2 |x| |y|), (N, M); 0 for equal rows, zero vectors included."""
    d = 0.5 - unit(x) @ unit(y).T / 2
    d = d + (d.clamp(0, 1) - d).detach()  # clips to [0, 1], with the gradient unchanged
    return torch.where((x[:, None] == y[None]).all(-1), 0, d)


def euclidean_distance(x: Tensor, y: Tensor) -> Tensor:
    """The alternative distance: d = |x - y|, (N, M)."""
    return norm(x[:, None] - y[None])


def norm(v: Tensor) -> Tensor:
    """|v| over the last axis, scaled by the largest number so that no square overflows; the gradient at 0 is 0."""
    largest = v.detach().abs().amax(-1, keepdim=True)
    scale = torch.where(largest == 0, 1, largest)
    return torch.linalg.vector_norm(v / scale, dim=-1) * scale[..., 0]


def unit(v: Tensor) -> Tensor:
    """The direction v / |v|; 0 for 0."""
    largest = v.detach().abs().amax(-1, keepdim=True)
    zero = largest == 0
    scaled = torch.where(zero, 0, v) / torch.where(zero, 1, largest)
    return scaled / torch.where(zero, 1, norm(scaled)[:, None])


def softplus(x: Tensor) -> Tensor:
    """log(1 + exp(x)). Not PyTorch's softplus, which is x itself above 20, where that is off by up to 2e-9."""
    return -logsigmoid(-x)


def dual_causality_loss(
    f_tilde: Tensor,
    f_plus: Tensor,
    f_minus: Tensor,
    positives: Tensor,
    negatives: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor] = cosine_distance,
) -> tuple[Tensor, Tensor]:
    """L+ and L-, given the probability of each pair (a, p) and each pair (a, n); see `draws` and `draws_of`."""
    d_tilde, d_plus, d_minus = (distance(f, f) for f in (f_tilde, f_plus, f_minus))

    def mean(differences: Tensor, probability: Tensor) -> Tensor:
        drawn = probability > 0
        return (probability[drawn].to(differences.dtype) * softplus(differences[drawn])).sum()

    plus = mean(d_plus - d_tilde, positives) + mean(d_tilde - d_plus, negatives)
    minus = mean(d_tilde - d_minus, positives) + mean(d_minus - d_tilde, negatives)
    return plus, minus


def draws(labels: Tensor) -> tuple[Tensor, Tensor]:
    """The probability of each pair: uniform over the anchors that have one, then over theirs; (N, N), sums 1 or 0."""

    def uniform(allowed: Tensor) -> Tensor:
        per_anchor = allowed.sum(1, keepdim=True)
        anchors = (per_anchor > 0).sum()
        return allowed.double() / (per_anchor.clamp(min=1) * anchors.clamp(min=1))

    positives, negatives = pairs(labels)
    return uniform(positives), uniform(negatives)


def draws_of(triplets: Tensor, images: int) -> tuple[Tensor, Tensor]:
    """The probabilities of the pairs of those triplets, all equal: rows of anchor, positive, negative."""
    a, p, n = triplets.T
    each = torch.full((len(triplets),), 1 / max(1, len(triplets)), dtype=torch.float64)
    nothing = torch.zeros(images, images, dtype=torch.float64)
    return nothing.index_put((a, p), each, accumulate=True), nothing.index_put((a, n), each, accumulate=True)


def pairs(labels: Tensor) -> tuple[Tensor, Tensor]:
    """Positive pairs (two images of one identity) and negative pairs (two identities), (N, N), bool."""
    same = labels[:, None] == labels[None]
    return same & ~torch.eye(len(labels), dtype=torch.bool, device=labels.device), ~same


def batch_hard_triplet_loss(features: Tensor, labels: Tensor, margin: float | str = 0.3) -> Tensor:
    """Mean over the anchors of max(0, m + d_ap - d_an), p the farthest positive and n the nearest negative."""
    positives, negatives = pairs(labels)
    d = euclidean_distance(features, features).detach()
    p = d.masked_fill(~positives, -torch.inf).argmax(1)  # the first of equal ones has the gradient
    n = d.masked_fill(~negatives, torch.inf).argmin(1)
    anchors = positives.any(1) & negatives.any(1)
    a, p, n = features[anchors], features[p[anchors]], features[n[anchors]]
    difference = norm(a - p) - norm(a - n)
    terms = softplus(difference) if margin == "soft" else relu(difference + margin)
    return terms.sum() / max(1, len(terms))


def cross_entropy(logits: Tensor, labels: Tensor, label_smoothing: float = 0.1) -> Tensor:
    """Mean over the rows of -sum of q log softmax(l), with q = (1 - s) onehot + s / K."""
    classes = logits.shape[1]
    q = (1 - label_smoothing) * one_hot(labels, classes).to(logits.dtype) + label_smoothing / classes
    return -(q * log_softmax(logits, dim=1)).sum(1).mean()
