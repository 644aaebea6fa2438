"""What has no right answer but an exception: arguments of which one is wrong, in one way.

Which exception, and what it says, is the implementation's own business.
"""

from collections.abc import Callable
from typing import Any

import numpy as np

from snr_ref.conformance.case import Catalogue
from snr_ref.conformance.draw import Draw
from snr_ref.mar.losses import ViewStatistics
from snr_ref.mar.multilabels import MultilabelMemory
from snr_ref.restitution import SNRParams

cases = Catalogue("refusals", "arguments that must be refused, not computed with")

#: Triplets that fit the labels of `good`; where no triplet is wrong none is named, as not every loss takes them.
TRIPLETS = np.array([[0, 1, 2], [3, 2, 1]])


def good(function: str, draw: Draw) -> dict[str, Any]:
    """Arguments of a function that nothing is wrong with."""
    N, C, hidden, K = 4, 3, 2, 5
    labels = np.array([0, 0, 1, 1])
    gate = {"w1": draw.normal(C, hidden), "w2": draw.normal(hidden, C), "b1": draw.normal(hidden), "b2": draw.normal(C)}
    scales = {"gamma": draw.uniform(0.5, 2, C), "beta": draw.normal(C)}
    module = {"F": draw.normal(N, 2, 2, C), "params": SNRParams(**scales, **gate), "epsilon": 1e-5}
    norm = {"F": module["F"], **scales, "epsilon": 1e-5}
    attention = {"z": draw.normal(N, C), **gate}
    rows = {"x": draw.normal(N, C), "y": draw.normal(2, C)}
    embeddings = {name: draw.normal(N, C) for name in ("f_tilde", "f_plus", "f_minus")}
    causality = {**embeddings, "labels": labels}
    classes = {"logits": draw.normal(N, K), "labels": labels, "label_smoothing": 0.1}
    triplet = {"features": draw.normal(N, C), "labels": labels, "margin": 0.3}
    gradients = {"grad_F_plus": draw.normal(N, 2, 2, C), "grad_f_plus": draw.normal(N, C)}
    classifier = {"w": draw.normal(C, K), "b": draw.normal(K)}
    restitution = {**embeddings, **classifier}
    pixelwise = {**{name: draw.normal(N, 2, 2, C) for name in ("F_tilde", "F_plus", "F_minus")}, **classifier}
    rows_of_x = {"x": draw.normal(N, C)}
    agents = {"features": draw.normal(N, C), "agents": draw.normal(K, C), "scale": 30.0}
    shares = draw.shares(N, K)
    mining = {"features": draw.normal(N, C), "multilabels": shares, "threshold": 0.5, "mining_ratio": 0.5}
    running = ViewStatistics(draw.normal(K), draw.uniform(0.5, 2, K))
    views = {"log_multilabels": draw.normal(N, K), "views": np.array([0, 1, 0, 1]), "statistics": running}
    embedding = {
        "source_features": draw.normal(N, C),
        "source_labels": labels,
        "target_features": draw.normal(2, C),
        "agents": draw.normal(K, C),
        "margin": 1.0,
    }
    arguments: dict[str, dict[str, Any]] = {
        "instance_norm": norm,
        "channel_attention": attention,
        "snr": module,
        "snr_closed_form": module,
        "cosine_distance": rows,
        "euclidean_distance": rows,
        "dual_causality_loss": causality,
        "cross_entropy": classes,
        "batch_hard_triplet_loss": triplet,
        "total_objective": {"reid_loss": 3.5, "dual_causality_losses": (2.5, 1.5), "weights": (0.5, 0.25)},
        "instance_norm_vjp": {**norm, "grad_F_tilde": draw.normal(N, 2, 2, C)},
        "channel_attention_vjp": {**attention, "grad_a": draw.normal(N, C)},
        "snr_vjp": {**module, **gradients},
        "cosine_distance_vjp": {**rows, "grad_d": draw.normal(N, 2)},
        "euclidean_distance_vjp": {**rows, "grad_d": draw.normal(N, 2)},
        "dual_causality_gradients": causality,
        "cross_entropy_gradient": classes,
        "batch_hard_triplet_gradient": triplet,
        "dual_restitution_loss": restitution,
        "dual_restitution_gradients": restitution,
        "pixelwise_dual_restitution_loss": pixelwise,
        "pixelwise_dual_restitution_gradients": pixelwise,
        "unit": rows_of_x,
        "unit_vjp": {**rows_of_x, "grad_u": draw.normal(N, C)},
        "log_multilabels": agents,
        "log_multilabels_vjp": {**agents, "grad_log_multilabels": draw.normal(N, K)},
        "multilabel_agreement": {"x": shares, "y": draw.shares(2, K)},
        "initial_threshold": {"multilabels": shares, "mining_ratio": 0.5},
        "next_threshold": {"threshold": 0.5, "multilabels": shares, "mining_ratio": 0.5, "rate": 0.25},
        "next_memory": {
            "memory": MultilabelMemory(draw.shares(6, K), np.array([True, False] * 3)),
            "indices": np.array([5, 0, 2, 1]),
            "multilabels": shares,
            "rate": 0.25,
        },
        "discriminative_loss": mining,
        "discriminative_gradient": mining,
        "next_statistics": {**views, "rate": 0.25},
        "consistency_loss": views,
        "consistency_gradient": views,
        "joint_embedding_loss": embedding,
        "joint_embedding_gradients": embedding,
        "evaluate_retrieval": {
            "distances": np.arange(10.0).reshape(2, 5),
            "query_ids": np.array([1, 2]),
            "gallery_ids": np.array([2, 0, 1, -1, 2]),
            "query_cameras": np.array([1, 1]),
            "gallery_cameras": np.array([2, 2, 2, 2, 3]),
            "max_rank": 5,
            "protocol": "market1501",
        },
        "evaluate_verification": {
            "distances": np.arange(10.0).reshape(2, 5),
            "query_ids": np.array([1, 2]),
            "gallery_ids": np.array([2, 0, 1, -1, 2]),
            "query_cameras": np.array([1, 1]),
            "gallery_cameras": np.array([2, 2, 2, 2, 3]),
            "false_positive_rates": np.array([0.0, 0.5]),
            "protocol": "market1501",
        },
        "re_ranking": {
            "query_features": draw.normal(2, 3),
            "gallery_features": draw.normal(6, 3),
            "k1": 3,
            "k2": 2,
            "lambda_value": 0.25,
        },
    }
    return arguments[function]


def refuse(function: str, what: str, why: str, *clauses: str, **wrong: Callable[[Any], Any]) -> None:
    """Add a case: good arguments, but for those named, which come out of their good value, None if it may be absent."""

    def build(draw: Draw) -> dict[str, Any]:
        arguments = good(function, draw)
        return arguments | {name: spoil(arguments.get(name)) for name, spoil in wrong.items()}

    build.__name__, build.__doc__ = f"{function}_{what}", why
    cases.case(function, *clauses, "6.6", kind="refusal")(build)


def integers(x: np.ndarray) -> np.ndarray:
    """Whole numbers of the same shape."""
    return np.ones(x.shape, np.int64)


def one_more(x: np.ndarray) -> np.ndarray:
    """A column, or an element, more than there should be."""
    return np.concatenate([x, x[..., :1]], axis=-1)


def first_row(x: np.ndarray) -> np.ndarray:
    """A row in the place of a batch."""
    return x[0]


def in_params(**wrong: Callable[[Any], Any]) -> Callable[[SNRParams], SNRParams]:
    """The parameters of a module, some of them spoilt."""
    return lambda params: params._replace(**{name: spoil(getattr(params, name)) for name, spoil in wrong.items()})


def always(value: Any) -> Callable[[Any], Any]:
    """That value, whatever the good one is."""
    return lambda _: value


for module in ("snr", "snr_closed_form", "instance_norm", "snr_vjp", "instance_norm_vjp"):
    refuse(
        module, "integers", "A feature map of integers, which no normalization of images should truncate.", F=integers
    )
    refuse(module, "no_spatial_axis", "A matrix (N, C) has no pixel to normalize over.", F=lambda F: F[:, 0, 0])
    refuse(module, "no_pixel", "A map of width 0 has no mean.", F=lambda F: F[:, :, :0])
    refuse(
        module, "negative_epsilon", "An epsilon below 0 makes roots of negative numbers.", "1.2", epsilon=always(-1e-5)
    )

for module in ("snr", "snr_closed_form", "snr_vjp"):
    refuse(
        module, "channels_of_gamma", "The scale has one channel more than the map.", params=in_params(gamma=one_more)
    )
    refuse(module, "channels_of_beta", "The offset has one channel more than the map.", params=in_params(beta=one_more))
    refuse(
        module, "one_bias", "One bias for all channels, which would broadcast.", params=in_params(b2=lambda b: b[:1])
    )
    refuse(
        module,
        "one_hidden_bias",
        "One bias for the whole hidden layer, which would broadcast.",
        params=in_params(b1=lambda b: b[:1]),
    )
    refuse(
        module,
        "one_gamma",
        "One scale for all channels, which would broadcast.",
        params=in_params(gamma=lambda g: g[:1]),
    )
    refuse(
        module,
        "one_column_of_w2",
        "W2 gives one gate for all channels, which would broadcast.",
        params=in_params(w2=lambda w: w[:, :1]),
    )
    refuse(module, "rows_of_w1", "W1 takes one channel less than the map has.", params=in_params(w1=lambda w: w[:-1]))
    refuse(module, "columns_of_w2", "W2 gives one channel more than the map has.", params=in_params(w2=one_more))
    refuse(module, "hidden_width", "W1 and W2 differ in the hidden width.", params=in_params(w2=lambda w: w[:-1]))
    refuse(module, "length_of_b1", "The first bias is not as wide as the hidden layer.", params=in_params(b1=one_more))
    refuse(module, "length_of_b2", "The second bias has one channel more than the map.", params=in_params(b2=one_more))

for norm in ("instance_norm", "instance_norm_vjp"):
    refuse(norm, "channels_of_gamma", "The scale has one channel more than the map.", gamma=one_more)
    refuse(norm, "channels_of_beta", "The offset has one channel more than the map.", beta=one_more)
    refuse(norm, "one_gamma", "One scale for all channels, which would broadcast.", gamma=lambda g: g[:1])
    refuse(norm, "one_beta", "One offset for all channels, which would broadcast.", beta=lambda b: b[:1])

for attention in ("channel_attention", "channel_attention_vjp"):
    refuse(attention, "integers", "A pooled residual of integers.", z=integers)
    refuse(attention, "a_vector", "The residual of one image needs an axis for the images.", z=first_row)
    refuse(attention, "channels_of_z", "The residual has one channel more than W1 takes.", z=one_more)
    refuse(attention, "hidden_width", "W1 and W2 differ in the hidden width.", w2=lambda w: w[:-1])
    refuse(attention, "length_of_b1", "The first bias is not as wide as the hidden layer.", b1=one_more)
    refuse(
        attention, "one_hidden_bias", "One bias for the whole hidden layer, which would broadcast.", b1=lambda b: b[:1]
    )
    refuse(
        attention,
        "one_column_of_w2",
        "W2 gives one gate for all channels, which would broadcast.",
        w2=lambda w: w[:, :1],
    )

refuse("snr_vjp", "gradient_of_F_plus", "The gradient of F~+ lacks an image.", grad_F_plus=lambda g: g[1:])
refuse("snr_vjp", "gradient_of_f_plus", "The gradient of f~+ has one channel too many.", grad_f_plus=one_more)
refuse("instance_norm_vjp", "gradient_of_F_tilde", "The gradient of F~ lacks an image.", grad_F_tilde=lambda g: g[1:])
refuse("channel_attention_vjp", "gradient_of_a", "The gradient of a has one channel too many.", grad_a=one_more)

for distance in ("cosine_distance", "euclidean_distance", "cosine_distance_vjp", "euclidean_distance_vjp"):
    refuse(distance, "integers", "Rows of integers.", x=integers)
    refuse(distance, "a_vector", "A vector in the place of a matrix.", x=first_row)
    refuse(distance, "three_axes", "A feature map in the place of a matrix.", y=lambda y: y[:, None])
    refuse(distance, "a_vector_for_y", "A vector in the place of the second matrix.", y=first_row)
    refuse(distance, "channels", "The rows of x and y differ in length.", y=one_more)
    refuse(distance, "one_channel", "The rows of y are of length one, which would broadcast.", y=lambda y: y[:, :1])

for distance in ("cosine_distance_vjp", "euclidean_distance_vjp"):
    refuse(distance, "transposed_gradient", "The gradient of the distances is transposed.", grad_d=np.transpose)

for loss in ("dual_causality_loss", "dual_causality_gradients"):
    refuse(loss, "integers", "Embeddings of integers.", f_tilde=integers)
    refuse(loss, "three_axes", "A feature map in the place of an embedding.", f_tilde=lambda f: f[:, None])
    refuse(loss, "images_of_f_plus", "One embedding lacks an image.", f_plus=lambda f: f[1:])
    refuse(loss, "channels_of_f_plus", "One embedding has a channel more.", f_plus=one_more)
    refuse(loss, "channels_of_f_minus", "One embedding has a channel more.", f_minus=one_more)
    refuse(loss, "length_of_labels", "There is one label more than there are images.", labels=one_more)
    refuse(loss, "one_label", "One label for all images, which would broadcast.", labels=lambda labels: labels[:1])
    refuse(loss, "float_labels", "Labels that are no integers.", labels=lambda labels: labels + 0.5)
    refuse(
        loss,
        "triplet_out_of_range",
        "A triplet names an image that isn't there.",
        "2.7",
        triplets=always(TRIPLETS + np.array([0, 0, 9])),
    )
    refuse(
        loss,
        "negative_index",
        "A triplet counts from the end.",
        "2.7",
        triplets=always(TRIPLETS[:1] - np.array([0, 0, 3])),
    )
    refuse(
        loss,
        "own_positive",
        "A triplet's positive is the anchor itself.",
        "2.7",
        triplets=always(TRIPLETS[:, [0, 0, 2]]),
    )
    refuse(
        loss,
        "swapped_triplet",
        "A triplet's positive is another's image.",
        "2.7",
        triplets=always(TRIPLETS[:, [0, 2, 1]]),
    )
    refuse(
        loss,
        "same_negative",
        "A triplet's negative is of the anchor's identity.",
        "2.7",
        triplets=always(TRIPLETS[:, [0, 1, 1]]),
    )
    refuse(loss, "pairs_for_triplets", "Triplets without a negative.", triplets=always(TRIPLETS[:, :2]))
    refuse(loss, "float_triplets", "Triplets that are no integers.", triplets=always(TRIPLETS / 1))

for loss in ("cross_entropy", "cross_entropy_gradient"):
    refuse(loss, "integers", "Logits of integers.", logits=integers)
    refuse(loss, "a_vector", "The logits of one image need an axis for the images.", logits=first_row)
    refuse(loss, "no_row", "A mean over no image.", logits=lambda x: x[:0], labels=lambda y: y[:0])
    refuse(loss, "length_of_labels", "There is one label more than there are rows.", labels=one_more)
    refuse(loss, "one_label", "One label for all rows, which would broadcast.", labels=lambda y: y[:1])
    refuse(loss, "float_labels", "Labels that are no integers.", labels=lambda labels: labels + 0.5)
    refuse(loss, "negative_label", "A label below 0, which some languages count from the end.", labels=lambda y: y - 1)
    refuse(loss, "label_too_large", "A label of K, one beyond the last class.", labels=lambda y: y + 4)
    refuse(loss, "negative_smoothing", "Smoothing below 0.", "3.1", label_smoothing=always(-0.1))
    refuse(loss, "smoothing_above_one", "Smoothing above 1.", "3.1", label_smoothing=always(1.5))

for loss in ("batch_hard_triplet_loss", "batch_hard_triplet_gradient"):
    refuse(loss, "integers", "Features of integers.", features=integers)
    refuse(loss, "a_vector", "The features of one image need an axis for the images.", features=first_row)
    refuse(loss, "length_of_labels", "There is one label more than there are images.", labels=one_more)
    refuse(loss, "one_label", "One label for all images, which would broadcast.", labels=lambda labels: labels[:1])
    refuse(loss, "float_labels", "Labels that are no integers.", labels=lambda labels: labels + 0.5)
    refuse(loss, "negative_margin", "A margin below 0.", "3.3", margin=always(-0.1))
    refuse(loss, "infinite_margin", "A margin without an end.", "3.3", margin=always(np.inf))
    refuse(loss, "boolean_margin", "True for a margin, which some languages take for 1.", "3.3", margin=always(True))
    refuse(loss, "unknown_margin", "A margin of a kind that isn't there.", "3.3", margin=always("hard"))

refuse("total_objective", "weights", "Two modules and one weight.", "3.4", weights=always((0.5,)))

METRICS = "evaluate_retrieval"
refuse(METRICS, "a_vector", "The distances of one query need an axis for the queries.", distances=first_row)
refuse(METRICS, "nan", "A distance that is NaN has no rank.", "7.1", distances=lambda d: np.where(d == 3, np.nan, d))
refuse(
    METRICS,
    "no_query",
    "A mean over no query.",
    "7.3",
    distances=lambda d: d[:0],
    query_ids=lambda i: i[:0],
    query_cameras=lambda c: c[:0],
)
refuse(METRICS, "length_of_query_ids", "There is one query more than there are rows.", query_ids=one_more)
refuse(
    METRICS, "length_of_gallery_ids", "There is one gallery image more than there are columns.", gallery_ids=one_more
)
refuse(METRICS, "length_of_query_cameras", "There is one camera more than there are queries.", query_cameras=one_more)
refuse(
    METRICS,
    "length_of_gallery_cameras",
    "There is one camera more than there are gallery images.",
    gallery_cameras=one_more,
)
refuse(METRICS, "one_query_camera", "One camera for all queries, which would broadcast.", query_cameras=lambda c: c[:1])
refuse(
    METRICS,
    "one_gallery_camera",
    "One camera for the whole gallery, which would broadcast.",
    gallery_cameras=lambda c: c[:1],
)
refuse(
    METRICS, "float_query_ids", "Whole numbers, but of a floating dtype.", query_ids=lambda ids: ids.astype(np.float64)
)
refuse(
    METRICS,
    "float_gallery_ids",
    "Whole numbers, but of a floating dtype.",
    gallery_ids=lambda ids: ids.astype(np.float64),
)
refuse(METRICS, "float_ids", "Identities that are no integers.", gallery_ids=lambda ids: ids + 0.5)
refuse(METRICS, "junk_query", "A query of identity -1 has nothing to find.", "7.1", query_ids=always(np.array([1, -1])))
refuse(
    METRICS, "distractor_query", "A query of identity 0 has nothing to find.", "7.7", query_ids=always(np.array([0, 1]))
)
refuse(
    METRICS,
    "no_cameras",
    "Junk can't be told without cameras.",
    "7.1",
    query_cameras=always(None),
    gallery_cameras=always(None),
)
refuse(
    METRICS,
    "no_match",
    "No query's identity is in the gallery: a mean over nothing.",
    "7.3",
    gallery_ids=always(np.full(5, 9)),
)
refuse(
    METRICS,
    "all_junk",
    "Every match is junk: a mean over nothing.",
    "7.1",
    "7.3",
    gallery_cameras=always(np.ones(5, np.int64)),
)
refuse(METRICS, "no_rank", "A CMC curve of no rank.", "7.3", max_rank=always(0))
refuse(METRICS, "unknown_protocol", "A protocol that isn't there.", "7.1", protocol=always("cuhk03"))

PAIRS = "evaluate_verification"
refuse(PAIRS, "a_vector", "The distances of one query need an axis for the queries.", distances=first_row)
refuse(PAIRS, "nan", "NaN is on no side of a threshold.", "7.9", distances=lambda d: np.where(d == 3, np.nan, d))
refuse(
    PAIRS, "infinity", "A histogram to infinity has no bins.", "7.11", distances=lambda d: np.where(d == 2, np.inf, d)
)
refuse(PAIRS, "no_rate", "No false-positive rate is asked for.", "7.9", false_positive_rates=always(np.zeros(0)))
refuse(PAIRS, "negative_rate", "A rate below 0.", "7.9", false_positive_rates=always(np.array([-0.125])))
refuse(PAIRS, "rate_above_one", "A rate above 1, a percentage.", "7.9", false_positive_rates=always(np.array([10.0])))
refuse(
    PAIRS, "one_rate_of_two", "The second rate is too large.", "7.9", false_positive_rates=always(np.array([0.0, 1.5]))
)
refuse(
    PAIRS,
    "range",
    "From the smallest distance to the largest is further than a number reaches.",
    "7.11",
    distances=lambda d: np.where(d == 2, 1.5e308, np.where(d == 1, -1.5e308, d)),
)
refuse(PAIRS, "one_kind", "There is no pair of one person.", "7.9", gallery_ids=always(np.array([3, 0, 3, -1, 4])))
refuse(PAIRS, "length_of_query_ids", "There is one query more than there are rows.", query_ids=one_more)
refuse(PAIRS, "junk_query", "A query of identity -1 is nobody.", "7.1", query_ids=always(np.array([1, -1])))
refuse(PAIRS, "no_cameras", "Cameras are needed under this protocol.", "7.6", query_cameras=always(None))
refuse(PAIRS, "unknown_protocol", "A protocol that isn't there.", protocol=always("market"))

NEIGHBOURS = "re_ranking"
refuse(NEIGHBOURS, "a_vector", "The features of one query need an axis for the queries.", query_features=first_row)
refuse(NEIGHBOURS, "widths", "Features of queries and gallery of two widths.", gallery_features=one_more)
refuse(NEIGHBOURS, "no_query", "Not a single query.", query_features=lambda x: x[:0])
refuse(NEIGHBOURS, "integers", "Features of integers.", query_features=integers, gallery_features=integers)
refuse(
    NEIGHBOURS, "nan", "A feature that is NaN is near to nothing.", query_features=lambda x: np.where(x == x, np.nan, x)
)
refuse(NEIGHBOURS, "infinity", "A feature that is infinite.", gallery_features=lambda x: x + np.inf)
refuse(
    NEIGHBOURS, "huge", "A feature whose square overflows.", gallery_features=lambda x: np.where(x == x[2], 1e200, x)
)
refuse(
    NEIGHBOURS, "hugely_negative", "The same far below zero.", query_features=lambda x: np.where(x == x[1], -1e200, x)
)
refuse(
    NEIGHBOURS, "boolean_weight", "True for lambda, which some languages take for 1.", "7.12", lambda_value=always(True)
)
refuse(NEIGHBOURS, "weight_in_words", "lambda is no number.", "7.12", lambda_value=always("0.25"))
refuse(NEIGHBOURS, "no_neighbour", "k1 is 0.", "7.12", k1=always(0))
refuse(NEIGHBOURS, "half_a_neighbour", "k1 is no integer.", "7.12", k1=always(2.5))
refuse(NEIGHBOURS, "no_average", "k2 is 0.", "7.14", k2=always(0))
refuse(NEIGHBOURS, "negative_weight", "lambda is below 0.", "7.12", lambda_value=always(-0.25))
refuse(NEIGHBOURS, "weight_above_one", "lambda is above 1.", "7.12", lambda_value=always(1.25))

for suffix in ("loss", "gradients"):
    IMAGES, PIXELS = f"dual_restitution_{suffix}", f"pixelwise_dual_restitution_{suffix}"
    refuse(IMAGES, "a_vector", "Features of one image need an axis for the images.", "8.2", f_tilde=first_row)
    refuse(IMAGES, "channels", "f~+ has a channel more than f~.", "8.2", f_plus=one_more)
    refuse(IMAGES, "classifier", "W is for fewer channels than there are.", "8.1", w=lambda w: w[1:])
    refuse(IMAGES, "bias", "b is for more classes than there are.", "8.1", b=one_more)
    refuse(
        PIXELS,
        "no_pixels",
        "Maps without a spatial axis.",
        "8.3",
        **{name: lambda F: F[:, 0, 0] for name in ("F_tilde", "F_plus", "F_minus")},
    )
    refuse(PIXELS, "sizes", "F~- has fewer pixels than F~.", "8.3", F_minus=lambda F: F[:, 1:])
    refuse(PIXELS, "classifier", "W is for fewer channels than there are.", "8.1", w=lambda w: w[1:])

refuse("unit", "integers", "Rows of integers.", "9.1", x=integers)
refuse("unit_vjp", "gradient_of_one_row", "The gradient lacks a row.", "9.1", grad_u=lambda g: g[1:])
refuse("log_multilabels", "integers", "Features of integers.", "9.2", features=integers)
refuse("log_multilabels", "no_agent", "Likeness to nobody.", "9.2", agents=lambda a: a[:0])
refuse("log_multilabels_vjp", "agents", "There is a class more than agents.", "9.2", grad_log_multilabels=one_more)
refuse(
    "multilabel_agreement", "one_class", "Multilabels of one class, which would broadcast.", "9.3", y=lambda y: y[:, :1]
)
refuse("initial_threshold", "one_image", "One image makes no pair.", "9.4", multilabels=lambda y: y[:1])
refuse("next_threshold", "ratio_of_none", "A mining ratio of 0.", "9.4", mining_ratio=always(0.0))
refuse("next_memory", "twice", "An image is in the batch twice.", "9.5", indices=always(np.array([5, 0, 5, 1])))
refuse("next_memory", "negative_index", "An index that counts from the end.", "9.5", indices=lambda i: i - 1)
refuse("next_memory", "index_too_large", "An image that the memory has no row for.", "9.5", indices=lambda i: i + 1)
refuse("next_memory", "rate_of_none", "A rate of 0, with which nothing is ever remembered.", "9.5", rate=always(0.0))
refuse(
    "next_memory",
    "one_class",
    "A memory of one class, which would broadcast.",
    "9.5",
    memory=lambda m: MultilabelMemory(m.multilabels[:, :1], m.visited),
)
refuse("discriminative_loss", "nan_threshold", "NaN, which nothing exceeds.", "9.6", threshold=always(np.nan))
refuse("discriminative_loss", "ratio_above_one", "A mining ratio above 1.", "9.6", mining_ratio=always(1.5))
refuse("discriminative_gradient", "images", "One multilabel is missing.", "9.6", multilabels=lambda y: y[1:])
refuse("next_statistics", "no_rate", "A rate of 0, with which nothing ever moves.", "9.8", rate=always(0.0))
refuse(
    "next_statistics",
    "one_class",
    "Statistics of one class, which would broadcast.",
    "9.8",
    statistics=lambda s: ViewStatistics(s.mean[:1], s.std[:1]),
)
refuse("consistency_loss", "float_views", "Views that are no integers.", "9.8", views=lambda v: v + 0.5)
refuse(
    "consistency_gradient",
    "one_class",
    "Statistics of one class, which would broadcast.",
    "9.9",
    statistics=lambda s: ViewStatistics(s.mean[:1], s.std[:1]),
)
refuse(
    "joint_embedding_loss", "negative_label", "A label that counts from the end.", "9.11", source_labels=lambda y: y - 1
)
refuse(
    "joint_embedding_loss",
    "label_too_large",
    "A label of K, one beyond the last agent.",
    "9.11",
    source_labels=lambda y: y + 4,
)
refuse(
    "joint_embedding_loss",
    "one_channel",
    "Target features of one channel, which would broadcast.",
    "9.10",
    target_features=lambda f: f[:, :1],
)
refuse("joint_embedding_gradients", "negative_margin", "A margin below 0.", "9.10", margin=always(-0.5))
