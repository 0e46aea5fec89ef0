"""What the integration tests stand on: the servers, the daemons, a client."""
