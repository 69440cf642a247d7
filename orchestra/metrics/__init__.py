"""What operators measure: readings of the database and Redis, readiness, and the Prometheus text."""
