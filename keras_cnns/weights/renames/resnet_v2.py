"""Other libraries' layer names in models/resnet_v2.py's words."""


def keras(net):
    """The authors' names, which are ours."""
    return []
