"""The operations of the API that concern people's decisions. They read through `queue`, and decide through `decisions`."""
