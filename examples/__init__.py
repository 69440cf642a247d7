"""Examples: functions, tools and workflows to try and to copy from."""
