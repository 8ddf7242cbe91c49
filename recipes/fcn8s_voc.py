"""FCN-8s on PASCAL VOC 2012's masks, from VGG-16's published weights turned into convolutions.

Paper: Long et al. 2015, "Fully Convolutional Networks for Semantic Segmentation", 1411.4038, section 4.3 and Table 3:
mean IoU 62.7 on a part of VOC 2011's validation set, from FCN-16s on more masks than VOC's own.
These are the paper's figures; they have not been reproduced with this script.
Data: VOC's own folder, `--dataset folder:VOCdevkit/VOC2012` (JPEGImages, SegmentationClass, ImageSets). Pictures are
scaled to fit into 512 x 512 pixels; the rest is void.

    python recipes/fcn8s_voc.py --dataset folder:VOCdevkit/VOC2012
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="fcn8s_vgg16",
    weights="keras",
    input_shape=(512, 512, 3),
    dataset="folder:VOCdevkit/VOC2012",
    augment=Augment(mirror=True),
    optimizer="sgd",
    momentum=0.9,
    learning_rate=1e-4,
    schedule="constant",
    weight_decay=5e-4,
    epochs=100,
    batch_size=20,
    accumulate=10,
    out="runs/fcn8s_voc",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
