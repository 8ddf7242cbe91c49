"""Old paths of `keras_cnns.export_scripts`, for scripts written against 0.1.0; they go with the next release."""
