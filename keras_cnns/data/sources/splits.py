"""Which folder or table is which split, in any customary spelling: Train, seg_train, training_set, TEST, val2017."""

import re

TRAIN, TEST, VALIDATION = "train", "test", "validation"
WORDS = {
    TRAIN: ("train", "training", "trn"),
    TEST: ("test", "testing", "tst", "holdout", "heldout"),
    VALIDATION: ("val", "valid", "validation", "validate", "dev", "eval", "evaluation"),
}
ROLES = {word: role for role, words in WORDS.items() for word in words}
ABOUT = r"(sets?|data|datasets?|images?|imgs?|pictures?|photos?|pics|files?|folders?|splits?)"  # what is split, not how


def role(name, *, loosely=False):
    """TRAIN, TEST or VALIDATION, or None for a name that is none of a split.

    loosely: with other words before or behind it too, as in seg_train; a class may be called so as well.
    """
    words = [w.lower() for w in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]
    words = [w for w in (w if w in ROLES else re.sub(f"{ABOUT}$", "", w) for w in words) if w]
    if loosely and words:
        return ROLES.get(words[0]) or ROLES.get(words[-1])
    return ROLES.get("".join(words))


def asked(split):
    """The roles that fit a split's name as it is asked for, the best first."""
    return {TRAIN: (TRAIN,), TEST: (TEST, VALIDATION), VALIDATION: (VALIDATION, TEST)}.get(role(split), ())
