"""The course itself: labs derived from their solutions, and run as learners run them."""
