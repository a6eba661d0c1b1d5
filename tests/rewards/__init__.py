"""Rewards: offers, cycles, claims, packing, vouchers."""
