"""The networks and the bundle that carries one. Read in this order: cbam, resnet (the paper's), backbone,
neck, head, detector; then bundle, which needs no torch and is all that a worker imports of this room.
"""
