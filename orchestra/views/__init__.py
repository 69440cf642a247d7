"""Pages and addresses that belong to no review: health, metrics, the front page."""
