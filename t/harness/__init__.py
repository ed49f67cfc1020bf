"""What the tests are made of: a real nginx, clients, services, and the links between them."""
