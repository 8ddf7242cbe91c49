"""What every part uses: errors, messages, argument checks, atomic files, lazy imports, the console."""
