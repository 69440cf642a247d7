"""Forms from JSON Schema: what to draw (`drawing.fields`), and what was sent as a JSON value (`reading.value`)."""
