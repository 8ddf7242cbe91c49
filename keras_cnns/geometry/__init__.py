"""Boxes, anchors, suppression and pyramid levels: what layers, data and tasks share."""
