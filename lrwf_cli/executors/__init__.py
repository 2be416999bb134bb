"""The author's API and the ways in which a delivery is handled."""
