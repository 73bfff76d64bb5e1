"""Documents that are made once and read by people: tables of examples, plans, manifests."""
