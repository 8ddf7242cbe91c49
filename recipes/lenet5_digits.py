"""LeNet-5 on handwritten digits: the network of `keras-cnns demo`, whose settings are in keras_cnns/demo.py.

Paper: LeCun et al. 1998, "Gradient-Based Learning Applied to Document Recognition": 0.95 % error on MNIST.
Data: the 1,797 digits of the UCI repository, 8x8 scaled to 32x32; nothing is downloaded. A fifth is held out.
Expect: 0.9944, 0.9917 and 0.9917 on it for seeds 0, 1 and 2, in about 15 s on one CPU core.

    python recipes/lenet5_digits.py
"""

from keras_cnns.demo import RECIPE as DEMO
from keras_cnns.training import run

RECIPE = DEMO.but(out="runs/lenet5_digits")

if __name__ == "__main__":
    raise SystemExit(run(RECIPE))
