"""Words about deliveries on other rooms' pages."""
