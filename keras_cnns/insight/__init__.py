"""Seeing what a network is and does: tables, maps, comparisons, one report. Pictures in, arrays or files out."""

from keras_cnns.support.lazy_imports import public

__getattr__, __dir__, __all__ = public(
    __name__,
    {
        "grad_cam": "maps.grad_cam",
        "grad_cam_plus_plus": "maps.grad_cam",
        "cam": "maps.cam",
        "saliency": "maps.guided",
        "guided_backprop": "maps.guided",
        "guided_grad_cam": "maps.guided",
        "integrated_gradients": "maps.integrated_gradients",
        "occlusion": "maps.occlusion",
        "deconvnet": "maps.deconvnet",
        "top_activations": "maps.deconvnet",
        "maximize": "maps.maximize",
        "filters": "maps.features",
        "feature_maps": "maps.features",
        "Class": "maps.targets",
        "Unit": "maps.targets",
        "Mask": "maps.targets",
        "Box": "maps.targets",
        "weights_matter": "sanity",
        "deletion": "sanity",
        "insertion": "sanity",
        "beats_random": "sanity",
    },
)
