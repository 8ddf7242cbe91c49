"""What training does to its pictures: `settings.Augment` says it, `apply` does it, from numbers drawn by the sample."""
