"""What other libraries call our networks and their layers: a module for each family."""
