# Written by `python -m keras_cnns.maintenance.stubs`.
from .maps.cam import cam as cam
from .maps.deconvnet import deconvnet as deconvnet
from .maps.deconvnet import top_activations as top_activations
from .maps.features import feature_maps as feature_maps
from .maps.features import filters as filters
from .maps.grad_cam import grad_cam as grad_cam
from .maps.grad_cam import grad_cam_plus_plus as grad_cam_plus_plus
from .maps.guided import guided_backprop as guided_backprop
from .maps.guided import guided_grad_cam as guided_grad_cam
from .maps.guided import saliency as saliency
from .maps.integrated_gradients import integrated_gradients as integrated_gradients
from .maps.maximize import maximize as maximize
from .maps.occlusion import occlusion as occlusion
from .maps.targets import Box as Box
from .maps.targets import Class as Class
from .maps.targets import Mask as Mask
from .maps.targets import Unit as Unit
from .sanity import beats_random as beats_random
from .sanity import deletion as deletion
from .sanity import insertion as insertion
from .sanity import weights_matter as weights_matter

__all__ = [
    "grad_cam",
    "grad_cam_plus_plus",
    "cam",
    "saliency",
    "guided_backprop",
    "guided_grad_cam",
    "integrated_gradients",
    "occlusion",
    "deconvnet",
    "top_activations",
    "maximize",
    "filters",
    "feature_maps",
    "Class",
    "Unit",
    "Mask",
    "Box",
    "weights_matter",
    "deletion",
    "insertion",
    "beats_random",
]
