"""`shop`, the small web app that runs in the labs' pods, and the Dockerfile of its images."""
