"""Units as a gift, from the payment to the signature of who receives them (pages.md, gifts)."""
