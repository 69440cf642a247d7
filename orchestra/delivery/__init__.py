"""Tells the outside what happened: from the outbox to webhooks and to notices on people's pages."""
