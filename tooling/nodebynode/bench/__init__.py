"""Measurements behind the promises of speed: side by side in one run, medians told with spread."""
