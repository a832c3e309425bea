"""The section Readers: whose regions are whose, a second reader who is blinded, and agreement."""
