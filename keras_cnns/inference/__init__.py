"""What a model or a file answers on pictures, and its boxes and masks drawn."""
