"""Detection in two stages: proposals, and heads that classify and move them (Faster and Fast R-CNN)."""
