"""python run_recipe.py RECIPE.json --flag ...: a recipe script whose recipe is in a file."""

import sys
from pathlib import Path

from keras_cnns.training import Recipe, run

if __name__ == "__main__":
    raise SystemExit(run(Recipe.from_json(Path(sys.argv[1]).read_text()), sys.argv[2:]))
