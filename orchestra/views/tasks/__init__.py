"""The requesters' pages: submit a task, follow it, see its outcome. They write through `intake` and `engine` alone."""
