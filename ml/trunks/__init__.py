"""Pretrained trunks: networks that learnt from other pictures, where they come from, and on what terms."""
