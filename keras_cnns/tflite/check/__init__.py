"""What is to be said of a finished `.tflite` file, whoever made it."""
