"""Pictures of what a network sees and why it answers so; one method a file."""
