"""A synthetic pedestrian world: people, poses, cameras and domains, drawn in NumPy from a seed.

`synthesize` writes it as a folder in Market-1501 layout, `render_sample` renders a single image with its part mask,
`contact_sheet` shows it at a glance. Domains are distributions over camera styles (illumination, hue, contrast,
saturation, tone curve, haze, blur, resolution, noise, background): the causes of the gap between ReID datasets.
"""

from snr_keras.reid.data.synthetic.drawing import PARTS
from snr_keras.reid.data.synthetic.folder import synthesize
from snr_keras.reid.data.synthetic.sheet import contact_sheet
from snr_keras.reid.data.synthetic.world import render_sample
from snr_keras.reid.settings.datasets import DOMAINS

__all__ = ["DOMAINS", "PARTS", "contact_sheet", "render_sample", "synthesize"]
