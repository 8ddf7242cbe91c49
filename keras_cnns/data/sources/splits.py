"""Recognizes the split in the name of a folder or table: Train, seg_train, training_set, TEST, val2017."""

import re
from pathlib import Path

from keras_cnns.support.messages import once

TRAIN, TEST, VALIDATION = "train", "test", "validation"
WORDS = {
    TRAIN: ("train", "training", "trn"),
    TEST: ("test", "testing", "tst", "holdout", "heldout"),
    VALIDATION: ("val", "valid", "validation", "validate", "dev", "eval", "evaluation"),
}
ROLES = {word: role for role, words in WORDS.items() for word in words}
# words in such names that do not say which split it is
ABOUT = r"(sets?|data|datasets?|images?|imgs?|pictures?|photos?|pics|files?|folders?|splits?)"


def role(name: str, *, loosely: bool = False) -> str | None:
    """TRAIN, TEST or VALIDATION; None if the name is not the name of a split.

    loosely: whether other words may come before or after it, as in seg_train. A class may have such a name, too.
    """
    words = [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    words = [w for w in (w if w in ROLES else re.sub(f"{ABOUT}$", "", w) for w in words) if w]
    if loosely and words:
        return ROLES.get(words[0]) or ROLES.get(words[-1])
    return ROLES.get("".join(words))


def role_of_folders(path: Path, root: Path, *, loosely: bool = False) -> str | None:
    """The split of the innermost folder that is named after one, between `root` and the file at `path`; else None.

    loosely: whether a folder such as seg_train counts, if no folder has the name of a split alone. A note says so if
    folders of different splits lie in each other.
    """
    folders = path.relative_to(root).parts[:-1]
    roles = [(split, name) for name in folders if (split := role(name))]
    if not roles and loosely:
        roles = [(split, name) for name in folders if (split := role(name, loosely=True))]
    if len({split for split, _ in roles}) > 1:
        names = "/.../".join(name for _, name in roles)
        once(f"{root} has folders of splits in each other, {names}: the inner one decides ({roles[-1][1]}).")
    return roles[-1][0] if roles else None


def asked(split: str) -> tuple[str, ...]:
    """The roles that can serve the requested split, the best first; empty for an unknown name."""
    return {TRAIN: (TRAIN,), TEST: (TEST, VALIDATION), VALIDATION: (VALIDATION, TEST)}.get(role(split) or "", ())
