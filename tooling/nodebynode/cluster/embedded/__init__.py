"""A cluster of local processes: the real control plane, and nodes that we play."""
