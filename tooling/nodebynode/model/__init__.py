"""What Kubernetes will do, foretold by its own rules: rollouts, scale-downs and drains; pure."""
