"""Faster R-CNN with VGG-16 on PASCAL VOC 2007, both parts trained together.

Paper: Ren et al. 2015, "Faster R-CNN: Towards Real-Time Object Detection with Region Proposal Networks", 1506.01497,
Table 3: mAP 69.9 on VOC 2007's test set (11 points), trained on its trainval set in four steps. The authors' code
trains end to end with the same result, as this script does by default.
These are the paper's figures; they have not been reproduced with this script.
Data: tensorflow-datasets' voc/2007, training and validation pictures, as in the paper. Pictures are scaled to fit into
600 x 1000 pixels. Wide pictures get the paper's short side of 600 pixels, tall ones less.

    python recipes/faster_rcnn_voc.py --download

The paper's four steps (section 3.2): (1) the proposals, (2) the heads, from the same initial weights, (3) and (4) both
again on the layers that step 2 trained, which are frozen. The score of the proposals is their recall.

    python recipes/faster_rcnn_voc.py --part proposals --out runs/1
    python recipes/faster_rcnn_voc.py --part heads --proposals-of runs/1/model.keras --out runs/2
    python recipes/faster_rcnn_voc.py --part proposals --weights runs/2/model.keras --freeze features --out runs/3
    python recipes/faster_rcnn_voc.py --part heads --weights runs/3/model.keras --freeze features --out runs/4
"""

from keras_cnns.training import Augment, Recipe, run

RECIPE = Recipe(
    model="faster_rcnn_vgg16",
    weights="keras",
    input_shape=(600, 1000, 3),
    freeze="until:conv2",  # conv1 and conv2 stay, as in Fast R-CNN
    dataset="voc/2007",
    augment=Augment(mirror=True),
    optimizer="sgd",
    momentum=0.9,
    learning_rate=1e-3,
    schedule="step",
    decay_epochs=(12.0,),  # after 60,000 of 80,000 pictures
    weight_decay=5e-4,
    epochs=16,
    batch_size=1,
    out="runs/faster_rcnn_voc",
)

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
