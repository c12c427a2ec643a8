"""Events of the customer data platform: taken by the API, carried by a stream, stored by the ingester."""
