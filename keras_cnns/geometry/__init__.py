"""Boxes, anchors, non-maximum suppression and pyramid levels: shared by layers, data and tasks."""
