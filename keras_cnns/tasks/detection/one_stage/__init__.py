"""Detection in one stage: every position of the network's levels is scored, and nothing is proposed first."""
