"""The page of deliveries to webhooks, and the button that sends one again."""
