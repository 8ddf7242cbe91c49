"""What every task shares: the `Task` interface, losses, and the networks that a recipe trains and saves."""
