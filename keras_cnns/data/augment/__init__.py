"""Augmentation: `settings.Augment` describes it, `apply` computes it from the random numbers of each sample."""
