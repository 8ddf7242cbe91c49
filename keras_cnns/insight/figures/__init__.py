"""Figures for deep-learning courses, drawn from any network: `keras-cnns figure`."""
