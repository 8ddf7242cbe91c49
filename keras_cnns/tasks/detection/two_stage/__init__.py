"""Detection in two stages: proposals, and heads that classify and refine them (Faster and Fast R-CNN)."""
