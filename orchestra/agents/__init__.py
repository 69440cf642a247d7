"""Non-human identities, and the border behind which their models live."""
