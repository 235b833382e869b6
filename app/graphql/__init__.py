"""The engine room: the schema, how requests are prepared and executed, and the transports that carry them."""
