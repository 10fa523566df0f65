"""The node agent: what kubelet and kube-proxy are on a real node, for the course's own app."""
